// SPDX-License-Identifier: BSD-2-Clause
/*
 * A client from its first word to the end of everything it had. A dead client is
 * a closed door (promise C4): its devices are closed first, its grants are taken
 * away and forgotten by the units, and only then is its memory let go.
 */
#include "conn.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "domain.h"
#include "log.h"
#include "memory.h"
#include "pending.h"
#include "release.h"

struct user *user_get(struct daemon *d, uint32_t uid)
{
	struct user *user;
	struct list *pos;

	list_for_each(pos, &d->users) {
		user = list_entry(pos, struct user, node);
		if (user->uid == uid) {
			user->connections++;
			return user;
		}
	}
	user = calloc(1, sizeof(*user));
	if (!user)
		return NULL;
	user->uid = uid;
	user->connections = 1;
	list_add_tail(&d->users, &user->node);
	return user;
}

void user_put(struct daemon *d, struct user *user)
{
	(void)d;
	if (--user->connections)
		return;
	/* What is left is memory that stays pinned for ever, by nobody any more. */
	list_remove(&user->node);
	free(user);
}

static int book_client(struct daemon *d, struct conn *conn)
{
	struct book_client *book;

	conn->book = books_take_client(&d->books);
	if (conn->book == BOOK_NONE)
		return error_set(&conn->refusal, -ENOSPC, "the books hold no more clients (%" PRIu32 ")",
				 d->books.header->client_max - 1);
	conn->self = (struct owner){ .client = ++d->next_client_id,
				     .uid = conn->uid,
				     .pid = conn->pid };
	snprintf(conn->self.rule, sizeof(conn->self.rule), "%s", conn->rule->name);
	book = &d->books.clients[conn->book];
	book->id = conn->self.client;
	book->uid = conn->uid;
	book->gid = conn->gid;
	book->pid = conn->pid;
	book->connected_ns = clock_real_ns();
	snprintf(book->rule, sizeof(book->rule), "%s", conn->rule->name);
	return 0;
}

/* Which rule is it under? NULL: the refusal says why. */
static const struct policy_client *find_rule(struct daemon *d, struct conn *conn)
{
	uint32_t others = conn->user->connections - conn->user->refused - 1;
	struct policy_who who = { conn->uid, conn->gid, conn->exe[0] ? conn->exe : NULL };
	struct policy_ask ask = { .verb = POLICY_CONNECT };
	struct policy_answer answer;

	policy_decide(d->policy, &who, &ask, &answer);
	if (answer.allowed && others < answer.rule->limits.connections)
		return answer.rule;
	if (!answer.allowed)
		error_set(&conn->refusal, -EACCES, "%s", answer.text);
	else
		error_set(&conn->refusal, -EDQUOT, "uid %" PRIu32 " has %" PRIu32
			  " connections, its limit (limits: connections of '%s')", conn->uid,
			  others, answer.rule->name);
	return NULL;
}

int conn_begin(struct daemon *d, struct conn *conn)
{
	conn->d = d;
	conn->fault_fd = -1;
	conn->accepted_ns = hw_now_ns(&d->machine->hw);
	list_init(&conn->node);
	list_init(&conn->pending.node);
	conn->user = user_get(d, conn->uid);
	if (!conn->user)
		return -ENOMEM;
	list_add_tail(&d->conns, &conn->node);
	d->conn_count++;
	d->silent_count++;
	conn->rule = find_rule(d, conn);
	if (conn->rule && book_client(d, conn) < 0)
		conn->rule = NULL;
	if (!conn->rule)
		conn->user->refused++; /* stays to hear why, outside the limit */
	return conn->refusal.code;
}

static void forget_client(struct daemon *d, struct conn *conn)
{
	if (conn->book != BOOK_NONE)
		books_give_client(&d->books, conn->book);
	list_remove(&conn->node);
	d->conn_count--;
	if (!conn->said_hello)
		d->silent_count--;
	if (!conn->rule)
		conn->user->refused--;
	user_put(d, conn->user);
	d->drop(conn);
}

static void teardown_done(struct daemon *d, struct pending *pending, int status)
{
	struct conn *conn = list_entry(pending, struct conn, pending);
	uint32_t i;

	for (i = 1; i < d->books.header->domain_max && conn->domains; i++) {
		if (!d->books.domains[i].used || d->books.domains[i].client != conn->self.client)
			continue;
		conn->user->grants -= domain_free(d, i, status);
		conn->user->domains--;
		conn->domains--;
	}
	memory_release_client(d, conn, status);
	log_info("client %" PRIu32 " ('%s', uid %" PRIu32 ", pid %" PRId32 ") is gone", conn->self.client,
		 conn->self.rule, conn->uid, conn->pid);
	forget_client(d, conn);
}

static void close_devices(struct daemon *d, struct conn *conn)
{
	uint32_t i;

	for (i = 0; i < d->device_count && conn->devices; i++) {
		struct device *device = &d->devices[i];
		struct drv_gather gather = { 0 };

		if (device->conn != conn)
			continue;
		device_unbind(d, device, &gather);
		release_begin(d, device, &gather);
	}
}

void conn_end(struct daemon *d, struct conn *conn)
{
	uint32_t i, left = conn->domains;

	conn->is_gone = true;
	if (conn->pending.is_waiting)
		return; /* answered first, then ended: d->answer() comes back here */
	if (conn->self.client == 0) {
		forget_client(d, conn);
		return;
	}
	close_devices(d, conn);
	pending_begin(&conn->pending, teardown_done);
	for (i = 1; i < d->books.header->domain_max && left; i++) {
		if (!d->books.domains[i].used || d->books.domains[i].client != conn->self.client)
			continue;
		domain_revoke_all(d, i, &conn->pending);
		left--;
	}
	pending_wait(d, &conn->pending);
}
