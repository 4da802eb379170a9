// SPDX-License-Identifier: BSD-2-Clause
#include "lent.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

int lent_take(struct daemon *d, struct conn *conn, uint64_t size, int *ret_fd, uint64_t *ret_size,
	      struct error *err)
{
	struct lent_part lent;
	struct stat st;
	int ret;

	if (conn->lent_count >= CONN_PARTS_MAX)
		return error_set(err, -EDQUOT, "you already borrow %u parts of the board's memory",
				 CONN_PARTS_MAX);
	ret = d->machine->ops->memory_lend(d->machine, conn->uid, size, ret_fd, ret_size,
					   &lent.part, err);
	if (ret < 0)
		return ret;
	if (fstat(*ret_fd, &st) < 0) {
		ret = error_set(err, -errno, "the part cannot be told from others: %s",
				strerror(errno));
		close(*ret_fd);
		d->machine->ops->memory_return(d->machine, lent.part);
		return ret;
	}
	lent.device = st.st_dev;
	lent.inode = st.st_ino;
	conn->lent[conn->lent_count++] = lent;
	return 0;
}

static uint32_t find_part(const struct lent_part *list, uint32_t count, const struct stat *st)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		if (list[i].device == st->st_dev && list[i].inode == st->st_ino)
			return list[i].part + 1;
	return 0;
}

uint32_t lent_part_of(const struct daemon *d, int fd)
{
	const struct conn *conn;
	struct list *pos;
	struct stat st;
	uint32_t part;

	if (fstat(fd, &st) < 0)
		return 0;
	list_for_each(pos, &d->conns) {
		conn = list_entry(pos, struct conn, node);
		part = find_part(conn->lent, conn->lent_count, &st);
		if (part)
			return part;
	}
	return find_part(d->orphans, d->orphan_count, &st);
}

static bool is_used(const struct daemon *d, uint32_t part)
{
	const struct book_memory *memory;
	uint32_t i;

	for (i = 1; i < d->books.header->memory_max; i++) {
		memory = &d->books.memories[i];
		if ((memory->flags & BOOK_MEMORY_USED) && memory->part == part)
			return true;
	}
	return false;
}

void lent_leave(struct daemon *d, struct conn *conn)
{
	const struct lent_part *lent;

	while (conn->lent_count > 0) {
		lent = &conn->lent[--conn->lent_count];
		if (!is_used(d, lent->part + 1)) {
			d->machine->ops->memory_return(d->machine, lent->part);
			continue;
		}
		check(d->orphan_count < ORPHAN_PARTS_MAX);
		d->orphans[d->orphan_count++] = *lent;
		log_note("a part of the board's memory outlives its borrower: another client still "
			 "has it registered, or its release was not confirmed");
	}
}

void lent_settle(struct daemon *d, uint32_t part)
{
	uint32_t i;

	if (part == 0)
		return;
	for (i = 0; i < d->orphan_count; i++) {
		if (d->orphans[i].part + 1 != part || is_used(d, part))
			continue;
		d->machine->ops->memory_return(d->machine, part - 1);
		d->orphans[i] = d->orphans[--d->orphan_count];
		return;
	}
}
