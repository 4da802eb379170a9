/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client that need not be polite: any bytes with any descriptors, and the
 * good messages in a line each. What a good client could not meet (no answer, a
 * malformed one) fails the test; a refusal is a result.
 */
#ifndef SMMUMAN_TESTS_RAW_H
#define SMMUMAN_TESTS_RAW_H

#include "service.h"
#include "types.h"

#define RAW_FDS 8
#define EACH_MESSAGE(message) \
	(message) = wire_messages; (message) < wire_messages + wire_message_count; (message)++
#define RW (RIGHT_READ | RIGHT_WRITE)
#define MIB (UINT64_C(1) << 20)

struct raw {
	int fd;
	uint32_t cookie;
	/* the last answer */
	int status;
	char why[ERROR_TEXT_MAX];
	int fds[RAW_FDS];
	unsigned fd_count;
	size_t length;
	_Alignas(8) uint8_t bytes[WIRE_MAX];
};

/* Connects and says nothing. */
void raw_connect(struct raw *raw, const struct service *service);
/* Connects and says hello, which must be accepted; ends the connection. */
void raw_open(struct raw *raw, const struct service *service);
void raw_close(struct raw *raw);
/* The same, and waits until the daemon has forgotten it. */
void raw_end(struct raw *raw, struct service *service);
/* Connects as uid would; needs root. */
void raw_open_as(struct raw *raw, const struct service *service, unsigned uid);

/* One packet; 0 or a negative errno. */
int raw_send(struct raw *raw, const void *bytes, size_t length, const int *fds, unsigned fd_count);
/* The next packet into raw->bytes; 1, or 0 when the daemon hung up. */
int raw_receive(struct raw *raw);
/* Is there an answer already? */
bool raw_has_answer(const struct raw *raw);
bool raw_is_cut(struct raw *raw);

/* A request of that row in good form, with one entry where it has entries; its length. */
size_t raw_make(const struct wire_message *message, uint8_t *packet);
#define RAW_COOKIE 7u

/* A request with a good head and this body. */
void raw_ask(struct raw *raw, uint16_t id, const void *body, size_t size, int fd);
/* Its answer: well formed; status (raw->why has the sentence), reply copied out if given. */
int raw_answer(struct raw *raw, uint16_t id, void *ret_reply, size_t size);
/* Both. */
int raw_call(struct raw *raw, uint16_t id, const void *body, size_t size, void *ret_reply,
	     size_t reply_size);

/* The entries of a list that raw_call() got, and how many. */
const void *raw_entries(const struct raw *raw);
uint32_t raw_count(const struct raw *raw);

/* The messages. Handles that cannot fail in a test are returned. */
int raw_hello(struct raw *raw);
uint32_t raw_domain(struct raw *raw);
int raw_domain_try(struct raw *raw, uint32_t *ret_domain);
int raw_domain_destroy(struct raw *raw, uint32_t domain);
int raw_attach(struct raw *raw, uint32_t domain, const char *name, uint32_t *ret_device);
int raw_detach(struct raw *raw, uint32_t device);
int raw_memory_add(struct raw *raw, int fd, uint64_t offset, uint64_t length, unsigned rights,
		   uint32_t *ret_memory);
int raw_memory_remove(struct raw *raw, uint32_t memory);
int raw_map(struct raw *raw, uint32_t domain, const struct wire_map *maps, uint32_t count);
int raw_unmap(struct raw *raw, uint32_t domain, const struct wire_range *ranges, uint32_t count);
void raw_ask_map(struct raw *raw, uint32_t domain, const struct wire_map *maps, uint32_t count);
void raw_ask_unmap(struct raw *raw, uint32_t domain, const struct wire_range *ranges,
		   uint32_t count);
/* A grant of one page of the memory. */
struct wire_map raw_page(uint32_t memory, uint64_t iova, uint64_t page);
struct wire_status raw_status(struct raw *raw);
uint32_t raw_grants(struct raw *raw); /* of everybody */
struct wire_unit raw_unit(struct raw *raw);

/* A populated, sealed memfd of so many pages; seals 0: not even against shrinking. */
int raw_memfd(uint64_t pages, int seals);
/* The memory of all of a fresh memfd with read and write. */
uint32_t raw_memory(struct raw *raw, uint64_t pages);

#endif
