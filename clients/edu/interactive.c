// SPDX-License-Identifier: BSD-2-Clause
/*
 * One driver process, led step by step from stdin: a command a line, an answer a
 * line, "ok ..." or "error NAME sentence". For demonstrations and tests.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edu.h"

#define WORDS_MAX 6
#define BUFFERS_MAX 32
#define GRANTS_MAX 64
#define FAULTS_SHOWN 32
#define DUMP_MAX 256u

struct session {
	struct edu *edu;
	const char *device; /* the default of attach */
	struct named {
		char name[32];
		struct smmu_dma_buffer buffer;
	} buffers[BUFFERS_MAX];
	unsigned buffer_count;
	struct smmu_range grants[GRANTS_MAX];
	unsigned grant_count;
};

/* What a command is given; numbers are checked by take_number(). */
struct args {
	unsigned count;
	char *words[WORDS_MAX];
};

static int fail(struct session *session, int code, const char *why)
{
	snprintf(session->edu->why, sizeof(session->edu->why), "%s", why);
	return code;
}

static int fail_smmu(struct session *session, int code)
{
	smmu_last_error(session->edu->context, session->edu->why, sizeof(session->edu->why));
	return code;
}

static int take_number(struct session *session, const char *word, uint64_t max, uint64_t *ret_value)
{
	char *end;

	errno = 0;
	*ret_value = strtoull(word, &end, 0);
	if (errno || end == word || *end || *word == '-' || *ret_value > max)
		return fail(session, -EINVAL, "a number is missing or too large");
	return 0;
}

static struct named *find_buffer(struct session *session, const char *name)
{
	unsigned i;

	for (i = 0; i < session->buffer_count; i++)
		if (!strcmp(session->buffers[i].name, name))
			return &session->buffers[i];
	fail(session, -ENOENT, "no buffer has that name");
	return NULL;
}

static int answer_ok(void)
{
	puts("ok");
	return 0;
}

/* --- commands -------------------------------------------------------------------- */

static int do_attach(struct session *session, const struct args *args)
{
	int rc = edu_attach(session->edu, args->count ? args->words[0] : session->device);

	if (!rc)
		printf("ok %s %u\n", session->edu->attached.name,
		       session->edu->attached.input_bits);
	return rc;
}

static int do_detach(struct session *session, const struct args *args)
{
	int rc = edu_detach(session->edu);

	(void)args;
	return rc ? rc : answer_ok();
}

static int do_buffer(struct session *session, const struct args *args)
{
	struct named *named = &session->buffers[session->buffer_count];
	uint64_t size;
	int rc = take_number(session, args->words[1], SIZE_MAX, &size);

	if (rc)
		return rc;
	if (session->buffer_count == BUFFERS_MAX || strlen(args->words[0]) >= sizeof(named->name))
		return fail(session, -ENOSPC, "too many buffers, or too long a name");
	if (find_buffer(session, args->words[0]))
		return fail(session, -EEXIST, "a buffer has that name already");
	rc = smmu_dma_alloc(session->edu->context, size, &named->buffer);
	if (rc)
		return fail_smmu(session, rc);
	snprintf(named->name, sizeof(named->name), "%s", args->words[0]);
	session->buffer_count++;
	printf("ok 0x%llx 0x%llx\n", (unsigned long long)named->buffer.length,
	       (unsigned long long)named->buffer.device_address);
	return 0;
}

/* NAME OFFSET LENGTH, inside the buffer. */
static int take_part(struct session *session, char *const words[3], uint8_t **ret_bytes,
		     uint64_t *ret_length)
{
	struct named *named = find_buffer(session, words[0]);
	uint64_t offset;
	int rc;

	if (!named)
		return -ENOENT;
	rc = take_number(session, words[1], named->buffer.length, &offset);
	if (!rc)
		rc = take_number(session, words[2], named->buffer.length - offset, ret_length);
	if (!rc)
		*ret_bytes = (uint8_t *)named->buffer.cpu + offset;
	return rc;
}

/* fill NAME BYTE */
static int do_fill(struct session *session, const struct args *args)
{
	struct named *named = find_buffer(session, args->words[0]);
	uint64_t value;
	int rc;

	if (!named)
		return -ENOENT;
	rc = take_number(session, args->words[1], 0xff, &value);
	if (rc)
		return rc;
	memset(named->buffer.cpu, (int)value, named->buffer.length);
	return answer_ok();
}

/* check NAME OFFSET LENGTH BYTE */
static int do_check(struct session *session, const struct args *args)
{
	const volatile uint8_t *at;
	uint64_t i, length, value;
	uint8_t *bytes;
	int rc = take_part(session, args->words, &bytes, &length);

	if (!rc)
		rc = take_number(session, args->words[3], 0xff, &value);
	if (rc)
		return rc;
	at = bytes;
	for (i = 0; i < length && at[i] == value; i++)
		;
	puts(i == length ? "ok same" : "ok differs");
	return 0;
}

/* dump NAME OFFSET LENGTH */
static int do_dump(struct session *session, const struct args *args)
{
	uint64_t i, length;
	uint8_t *bytes;
	int rc = take_part(session, args->words, &bytes, &length);

	if (rc)
		return rc;
	fputs("ok ", stdout);
	for (i = 0; i < length && i < DUMP_MAX; i++)
		printf("%02x", ((const volatile uint8_t *)bytes)[i]);
	putchar('\n');
	return 0;
}

static unsigned parse_rights(const char *word)
{
	if (!strcmp(word, "rw"))
		return SMMU_READ | SMMU_WRITE;
	if (!strcmp(word, "r"))
		return SMMU_READ;
	return strcmp(word, "w") ? 0 : SMMU_WRITE;
}

/* grant NAME IOVA r|w|rw */
static int do_grant(struct session *session, const struct args *args)
{
	struct named *named = find_buffer(session, args->words[0]);
	struct smmu_grant grant = { .rights = parse_rights(args->words[2]) };
	int rc;

	if (!named)
		return -ENOENT;
	rc = take_number(session, args->words[1], UINT64_MAX, &grant.iova);
	if (rc)
		return rc;
	if (grant.rights == 0)
		return fail(session, -EINVAL, "rights are r, w or rw");
	if (session->grant_count == GRANTS_MAX)
		return fail(session, -ENOSPC, "too many grants");
	grant.memory = named->buffer.memory;
	grant.length = named->buffer.length;
	rc = smmu_map(session->edu->context, session->edu->domain, &grant);
	if (rc)
		return fail_smmu(session, rc);
	session->grants[session->grant_count++] = (struct smmu_range){ grant.iova, grant.length };
	return answer_ok();
}

/* revoke IOVA */
static int do_revoke(struct session *session, const struct args *args)
{
	uint64_t iova;
	unsigned i;
	int rc = take_number(session, args->words[0], UINT64_MAX, &iova);

	if (rc)
		return rc;
	for (i = 0; i < session->grant_count && session->grants[i].iova != iova; i++)
		;
	if (i == session->grant_count)
		return fail(session, -ENOENT, "no grant begins there");
	rc = smmu_unmap(session->edu->context, session->edu->domain, iova,
			session->grants[i].length);
	if (rc)
		return fail_smmu(session, rc);
	session->grants[i] = session->grants[--session->grant_count];
	return answer_ok();
}

/* The three transfers: IOVA LENGTH */
static int transfer(struct session *session, const struct args *args,
		    int (*move)(struct edu *edu, uint64_t iova, uint32_t length))
{
	uint64_t iova, length;
	int rc = take_number(session, args->words[0], UINT64_MAX, &iova);

	if (!rc)
		rc = take_number(session, args->words[1], UINT32_MAX, &length);
	if (!rc)
		rc = move(session->edu, iova, (uint32_t)length);
	return rc ? rc : answer_ok();
}

static int do_to_device(struct session *session, const struct args *args)
{
	return transfer(session, args, edu_copy_to_device);
}

static int do_from_device(struct session *session, const struct args *args)
{
	return transfer(session, args, edu_copy_from_device);
}

static int do_start(struct session *session, const struct args *args)
{
	return transfer(session, args, edu_start_from_device);
}

static int do_idle(struct session *session, const struct args *args)
{
	int rc = edu_wait_idle(session->edu);

	(void)args;
	return rc ? rc : answer_ok();
}

static const char *access_word(unsigned access)
{
	return access == SMMU_READ ? "read" : access == SMMU_WRITE ? "write" : "access";
}

/* All new records in one line: how many, then each. */
static int do_faults(struct session *session, const struct args *args)
{
	static struct smmu_fault faults[FAULTS_SHOWN];
	uint64_t lost;
	int i, count = smmu_fault_read(session->edu->context, faults, FAULTS_SHOWN, &lost);

	(void)args;
	if (count < 0)
		return fail_smmu(session, count);
	printf("ok %d", count);
	for (i = 0; i < count; i++)
		printf("; %s 0x%llx-0x%llx x%llu %s", access_word(faults[i].access),
		       (unsigned long long)faults[i].address,
		       (unsigned long long)faults[i].last_address,
		       (unsigned long long)faults[i].count, faults[i].reason);
	putchar('\n');
	return 0;
}

static const struct command {
	const char *name;
	unsigned least, most; /* words behind it */
	int (*run)(struct session *session, const struct args *args);
} commands[] = {
	{ "attach", 0, 1, do_attach },
	{ "detach", 0, 0, do_detach },
	{ "buffer", 2, 2, do_buffer },
	{ "fill", 2, 2, do_fill },
	{ "grant", 3, 3, do_grant },
	{ "revoke", 1, 1, do_revoke },
	{ "to-device", 2, 2, do_to_device },
	{ "from-device", 2, 2, do_from_device },
	{ "start-from-device", 2, 2, do_start },
	{ "idle", 0, 0, do_idle },
	{ "check", 4, 4, do_check },
	{ "dump", 3, 3, do_dump },
	{ "faults", 0, 0, do_faults },
};

/* --- the loop ---------------------------------------------------------------------- */

static int run_line(struct session *session, char *line)
{
	struct args args = { 0 };
	char *rest = NULL, *word = strtok_r(line, " \t\n", &rest);
	const char *name = word ? word : "";
	size_t i;

	while (word && (word = strtok_r(NULL, " \t\n", &rest)) && args.count < WORDS_MAX)
		args.words[args.count++] = word;
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) != 0)
			continue;
		if (args.count < commands[i].least || args.count > commands[i].most)
			return fail(session, -EINVAL, "too few or too many words");
		return commands[i].run(session, &args);
	}
	return fail(session, -EINVAL, "no such command");
}

static bool is_blank(const char *line)
{
	return line[strspn(line, " \t\n")] == '\0' || *line == '#';
}

int edu_interactive(struct edu *edu, const char *device)
{
	struct session session = { .edu = edu, .device = device };
	char line[512];
	int rc;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin)) {
		if (is_blank(line))
			continue;
		if (!strcmp(line, "quit\n") || !strcmp(line, "quit")) {
			puts("ok");
			break;
		}
		rc = run_line(&session, line);
		if (rc)
			printf("error %s %s\n", strerrorname_np(-rc), edu->why);
	}
	return 0;
}
