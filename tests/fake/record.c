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
} recorder;

static void log_add(uint64_t *where, uint64_t value)
{
	if (recorder.count == recorder.room) {
		recorder.room = recorder.room ? recorder.room * 2 : 1024;
		recorder.log = realloc(recorder.log, recorder.room * sizeof(*recorder.log));
		if (!recorder.log)
			abort();
	}
	recorder.log[recorder.count++] = (struct record){
		.where = where,
		.old = where ? *where : 0,
		.value = value,
	};
}

void hw_record_store(const volatile void *where, uint64_t value)
{
	uint64_t *word = (uint64_t *)(uintptr_t)where;

	if (recorder.fn)
		recorder.fn(recorder.context, word, value);
	if (recorder.is_on)
		log_add(word, value);
}

void hw_record_barrier(void)
{
	if (recorder.is_on)
		log_add(NULL, 0);
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

bool record_has_barrier(size_t after, size_t before)
{
	size_t i;

	for (i = after + 1; i < before && i < recorder.count; i++)
		if (!recorder.log[i].where)
			return true;
	return false;
}

void record_set_hook(void (*fn)(void *context, uint64_t *where, uint64_t value), void *context)
{
	recorder.fn = fn;
	recorder.context = context;
}

void record_rewind(void)
{
	size_t i;

	for (i = recorder.count; i-- > 0;)
		if (recorder.log[i].where)
			*recorder.log[i].where = recorder.log[i].old;
}
