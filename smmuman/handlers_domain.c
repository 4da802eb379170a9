// SPDX-License-Identifier: BSD-2-Clause
/* Messages about the connection itself, its domains, memories and grants. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "domain.h"
#include "faults.h"
#include "handlers.h"
#include "lent.h"
#include "mapping.h"
#include "memory.h"
#include "pending.h"

int handle_hello(struct call *call)
{
	const struct wire_hello *ask = call->body;
	struct wire_hello_reply *reply = call->reply;
	struct conn *conn = call->conn;

	if (ask->version != WIRE_VERSION)
		return error_set(call->err, -EPROTONOSUPPORT,
				 "you speak version %" PRIu32 ", this daemon version %u", ask->version,
				 WIRE_VERSION);
	if (ask->features)
		return error_set(call->err, -EPROTONOSUPPORT, "unknown feature bits 0x%" PRIx64,
				 ask->features);
	if (conn->said_hello)
		return error_set(call->err, -EPROTO, "hello is said once");
	conn->said_hello = true;
	call->d->silent_count--;
	reply->version = WIRE_VERSION;
	reply->client = conn->self.client;
	reply->batch_max = WIRE_BATCH_MAX;
	reply->page_bytes = (uint32_t)PAGE_BYTES;
	reply->rights = conn->rule->rights;
	reply->round_compat = conn->rule->round_compat;
	snprintf(reply->program, sizeof(reply->program), "smmuman %s", SMMUMAN_VERSION);
	snprintf(reply->rule, sizeof(reply->rule), "%s", conn->rule->name);
	return 0;
}

int handle_domain_create(struct call *call)
{
	const struct wire_flags *ask = call->body;
	struct wire_handle *reply = call->reply;
	uint32_t domain;
	int ret;

	if (ask->flags)
		return error_set(call->err, -EINVAL, "unknown domain flags 0x%" PRIx32, ask->flags);
	ret = domain_create(call->d, call->conn, &domain, call->err);
	if (ret == 0)
		reply->handle = books_domain_handle(&call->d->books, domain);
	return ret;
}

static void destroy_done(struct daemon *d, struct pending *pending, int status)
{
	struct conn *conn = list_entry(pending, struct conn, pending);
	uint32_t grants = domain_free(d, conn->parked_object, status);

	conn->grants -= grants;
	conn->user->grants -= grants;
	conn->domains--;
	conn->user->domains--;
	if (status < 0)
		error_set(&conn->outcome, status, "the unit did not confirm the invalidation and was "
			  "closed; the memory of the domain's grants stays pinned for ever");
	d->answer(conn, status);
}

int handle_domain_destroy(struct call *call)
{
	const struct wire_handle *ask = call->body;
	struct conn *conn = call->conn;
	struct daemon *d = call->d;
	uint32_t domain;
	int ret;

	ret = domain_of_client(d, conn, ask->handle, &domain, call->err);
	if (ret < 0)
		return ret;
	if (d->domains[domain].devices)
		return error_set(call->err, -EBUSY, "%" PRIu32 " devices are attached to the domain; "
				 "detach them first", d->domains[domain].devices);
	conn->parked_object = domain;
	conn->parked_reply_size = 0;
	conn->outcome = (struct error){ 0 };
	pending_begin(&conn->pending, destroy_done);
	domain_revoke_all(d, domain, &conn->pending);
	pending_wait(d, &conn->pending);
	return -EINPROGRESS;
}

int handle_memory_add(struct call *call)
{
	struct wire_handle *reply = call->reply;
	uint32_t memory;
	int ret;

	ret = memory_add(call->d, call->conn, call->fd, call->body, &memory, call->err);
	if (ret == 0)
		reply->handle = books_memory_handle(&call->d->books, memory);
	return ret;
}

int handle_memory_remove(struct call *call)
{
	const struct wire_handle *ask = call->body;

	return memory_remove(call->d, call->conn, ask->handle, call->err);
}

int handle_memory_lend(struct call *call)
{
	const struct wire_size *ask = call->body;
	struct wire_size *reply = call->reply;
	struct answer *answer = call->answer;
	int ret;

	ret = lent_take(call->d, call->conn, ask->size, &answer->fds[0], &reply->size, call->err);
	if (ret < 0)
		return ret;
	answer->fd_count = 1;
	answer->close_fds = true;
	return 0;
}

int handle_region_open(struct call *call)
{
	struct policy_who who = { call->conn->uid, call->conn->gid,
				  call->conn->exe[0] ? call->conn->exe : NULL };
	const struct wire_region_open *ask = call->body;
	struct policy_ask question = { .verb = POLICY_REGION, .region = ask->name };
	struct wire_region_reply *reply = call->reply;
	const struct policy_region *region;
	struct policy_answer decision;
	uint32_t memory;
	int ret;

	policy_decide(call->d->policy, &who, &question, &decision);
	if (!decision.allowed)
		return error_set(call->err, -EACCES, "%s", decision.text);
	region = &call->d->policy->regions[decision.index];
	ret = memory_add_region(call->d, call->conn, region, &memory, call->err);
	if (ret < 0)
		return ret;
	reply->memory = books_memory_handle(&call->d->books, memory);
	reply->rights = region->rights;
	reply->address = region->address;
	reply->length = region->length;
	return 0;
}

int handle_map(struct call *call)
{
	const struct wire_batch *batch = call->body;

	call->conn->parked_reply_size = 0;
	return mapping_map(call->d, call->conn, batch, call_entries(call, sizeof(*batch)),
			   call->err);
}

int handle_unmap(struct call *call)
{
	const struct wire_batch *batch = call->body;

	call->conn->parked_reply_size = 0;
	return mapping_unmap(call->d, call->conn, batch, call_entries(call, sizeof(*batch)),
			     call->err);
}

/* Two ends, for on a descriptor that both share the client could make us block. */
int handle_fault_subscribe(struct call *call)
{
	struct conn *conn = call->conn;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return error_set(call->err, -errno, "no descriptor left for fault notices");
	shutdown(pair[0], SHUT_RD);
	if (conn->fault_fd >= 0)
		close(conn->fault_fd);
	conn->fault_fd = pair[0];
	call->answer->fds[0] = pair[1];
	call->answer->fd_count = 1;
	call->answer->close_fds = true;
	return 0;
}

/* Records of one client, or of everybody (0). */
static int read_faults(struct call *call, uint32_t client)
{
	const struct wire_fault_read *ask = call->body;
	struct wire_list *reply = call->reply;
	uint32_t max = ask->max && ask->max < call->entry_room ? ask->max : call->entry_room;
	uint64_t faults, records, losses;

	/* What the unit already holds belongs into this answer. */
	while (faults_drain(call->d, 1024))
		;
	reply->count = faults_read(call->d, ask->after, client, max, call_reply_entries(call),
				   &reply->next, &reply->lost);
	faults_totals(call->d, &faults, &records, &losses);
	if (reply->next >= records)
		reply->next = 0;
	call->reply_entries = reply->count;
	return 0;
}

int handle_fault_read(struct call *call)
{
	return read_faults(call, call->conn->self.client);
}

int handle_list_faults(struct call *call)
{
	return read_faults(call, 0);
}
