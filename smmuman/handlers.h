/* SPDX-License-Identifier: BSD-2-Clause */
/* One handler a message; dispatch.c has the table, nobody else calls them. */
#ifndef SMMUMAN_SMMUMAN_HANDLERS_H
#define SMMUMAN_SMMUMAN_HANDLERS_H

#include "dispatch.h"

/*
 * What a handler is given and gives: body points at the request struct (already
 * checked for shape), reply at the zeroed reply struct. 0, a negative errno with
 * err filled, or -EINPROGRESS: answered later, by daemon.answer().
 */
struct call {
	struct daemon *d;
	struct conn *conn;
	const void *body;
	void *reply;
	uint32_t reply_entries; /* set by the handler, for rows with reply entries */
	uint32_t entry_room;	/* how many fit */
	int fd;			/* the request's descriptor, or -1; closed by dispatch */
	struct answer *answer;
	struct error *err;
};

#define HANDLER_DECLARE(id, NAME, name, ...) int handle_##name(struct call *call);
WIRE_MESSAGES(HANDLER_DECLARE)
#undef HANDLER_DECLARE

/* The entries behind a request or reply struct. */
static inline const void *call_entries(const struct call *call, size_t request_size)
{
	return (const char *)call->body + request_size;
}

static inline void *call_reply_entries(const struct call *call)
{
	return (char *)call->reply + sizeof(struct wire_list);
}

/* view.c: one object as smmuctl shows it. */
void view_device(struct daemon *d, const struct device *device, struct wire_device *ret_view);
/* explain.c: the whole story of a device and an address. */
void explain_device(struct daemon *d, struct device *device, bool has_iova, uint64_t iova,
		    struct wire_explain_reply *ret_reply);

#endif
