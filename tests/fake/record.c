// SPDX-License-Identifier: BSD-2-Clause
#include "record.h"

#include <stdlib.h>

#include "hw.h"

static struct {
	struct record *log;
	size_t count, room;
	bool is_on;
	void (*fn)(void *context, uint64_t *where, uint64_t value);
	void *context;
	void (*flush_fn)(void *context, const void *at, uint64_t bytes);
	void *flush_context;
} recorder;

static void log_add(struct record record)
{
	if (recorder.count == recorder.room) {
		recorder.room = recorder.room ? recorder.room * 2 : 1024;
		recorder.log = realloc(recorder.log, recorder.room * sizeof(*recorder.log));
		if (!recorder.log)
			abort();
	}
	recorder.log[recorder.count++] = record;
}

void hw_record_store(const volatile void *where, uint64_t value)
{
	uint64_t *word = (uint64_t *)(uintptr_t)where;

	if (recorder.fn)
		recorder.fn(recorder.context, word, value);
	if (recorder.is_on)
		log_add((struct record){ .where = word, .old = *word, .value = value });
}

void hw_record_barrier(void)
{
	if (recorder.is_on)
		log_add((struct record){ 0 });
}

void hw_record_flush(const void *at, uint64_t bytes)
{
	if (recorder.flush_fn)
		recorder.flush_fn(recorder.flush_context, at, bytes);
	if (recorder.is_on)
		log_add((struct record){ .flushed = at, .bytes = bytes });
}

void record_start(void)
{
	recorder.count = 0;
	recorder.is_on = true;
}

void record_stop(void)
{
	recorder.is_on = false;
}

size_t record_count(void)
{
	return recorder.count;
}

const struct record *record_at(size_t index)
{
	return index < recorder.count ? &recorder.log[index] : NULL;
}

size_t record_store_count(void)
{
	size_t stores = 0;
	size_t i;

	for (i = 0; i < recorder.count; i++)
		stores += recorder.log[i].where != NULL;
	return stores;
}

size_t record_find(const void *where, size_t from)
{
	size_t i;

	for (i = from; i < recorder.count; i++)
		if (recorder.log[i].where == where)
			return i;
	return SIZE_MAX;
}

size_t record_find_flush(const void *where, size_t from)
{
	uintptr_t word = (uintptr_t)where;
	uintptr_t start;
	size_t i;

	for (i = from; i < recorder.count; i++) {
		start = (uintptr_t)recorder.log[i].flushed;
		if (recorder.log[i].flushed && word >= start &&
		    word - start < recorder.log[i].bytes)
			return i;
	}
	return SIZE_MAX;
}

bool record_has_barrier(size_t after, size_t before)
{
	size_t i;

	for (i = after + 1; i < before && i < recorder.count; i++)
		if (!recorder.log[i].where && !recorder.log[i].flushed)
			return true;
	return false;
}

void record_set_hook(void (*fn)(void *context, uint64_t *where, uint64_t value), void *context)
{
	recorder.fn = fn;
	recorder.context = context;
}

void record_set_flush_hook(void (*fn)(void *context, const void *at, uint64_t bytes), void *context)
{
	recorder.flush_fn = fn;
	recorder.flush_context = context;
}

void record_rewind(void)
{
	size_t i;

	for (i = recorder.count; i-- > 0;)
		if (recorder.log[i].where)
			*recorder.log[i].where = recorder.log[i].old;
}
