// SPDX-License-Identifier: BSD-2-Clause
/*
 * A queue pair: commands go into one ring, completions come out of the other.
 * The controller reads the first and writes the second, and each ring is granted
 * for just that. What it writes is a stranger's: copied once, then checked.
 */
#include "nvme.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define DEADLINE_MS 10000u /* for a command; a virtual board under load included */
#define SPINS 200u	   /* looks before the processor is given away between them */
#define PAUSE_NS 20000L
#define PAUSES_PER_CHECK 64u /* of the controller's own state while it is silent */

static uint64_t doorbell(const struct nvme *nvme, const struct nvme_queue *queue,
			 unsigned is_completion)
{
	return NVME_DOORBELLS + (2u * (uint64_t)queue->id + is_completion) * nvme->stride;
}

/* A controller that broke the rules is not believed again. */
static int give_up(struct nvme *nvme, const struct nvme_queue *queue, const char *what,
		   unsigned long value)
{
	nvme->is_broken = true;
	return nvme_fail(nvme, -EPROTO, "the controller answered nonsense in queue %u: %s %lu",
			 queue->id, what, value);
}

int nvme_queue_create(struct nvme *nvme, struct nvme_queue *queue, uint16_t id, uint16_t entries)
{
	int rc;

	*queue = (struct nvme_queue){ .id = id, .entries = entries, .phase = 1 };
	rc = nvme_memory_create(nvme, entries * sizeof(struct nvme_command), SMMU_READ,
				&queue->submissions);
	if (!rc)
		rc = nvme_memory_create(nvme, entries * NVME_COMPLETION_BYTES,
					nvme_write_rights(nvme), &queue->completions);
	return rc;
}

int nvme_queue_destroy(struct nvme *nvme, struct nvme_queue *queue)
{
	int rc = nvme_memory_destroy(nvme, &queue->completions);
	int other = nvme_memory_destroy(nvme, &queue->submissions);

	return rc ? rc : other;
}

/* --- in ------------------------------------------------------------------------------- */

int nvme_queue_slot(struct nvme *nvme, struct nvme_queue *queue, uint16_t *ret_slot)
{
	uint16_t slot = queue->next_slot;

	if (nvme->is_broken)
		return nvme_fail(nvme, -EIO, "the controller is not to be trusted until it is "
				 "attached again");
	if (queue->slots[slot].is_busy || (queue->tail + 1) % queue->entries == queue->head)
		return nvme_fail(nvme, -EBUSY, "queue %u is full", queue->id);
	*ret_slot = slot;
	return 0;
}

int nvme_queue_put(struct nvme *nvme, struct nvme_queue *queue, struct nvme_command *command,
		   uint16_t *ret_slot)
{
	struct nvme_command *ring = queue->submissions.buffer.cpu;
	uint16_t slot = 0;
	int rc = nvme_queue_slot(nvme, queue, &slot);

	if (rc)
		return rc;
	command->id = slot;
	ring[queue->tail] = *command;
	queue->tail = (uint16_t)((queue->tail + 1) % queue->entries);
	queue->wraps += queue->tail == 0;
	queue->slots[slot] = (struct nvme_slot){ .is_busy = true };
	queue->in_flight++;
	queue->next_slot = (uint16_t)((slot + 1) % queue->entries);
	*ret_slot = slot;
	return 0;
}

/* The library orders memory against registers: the entries are there before the doorbell. */
int nvme_queue_ring(struct nvme *nvme, struct nvme_queue *queue)
{
	int rc = smmu_reg_write32(nvme->device, 0, doorbell(nvme, queue, 0), queue->tail);

	return rc ? nvme_fail(nvme, rc, "the doorbell of queue %u cannot be written: %s", queue->id,
			      smmu_strerror(rc)) : 0;
}

/* --- out ------------------------------------------------------------------------------- */

static int check_completion(struct nvme *nvme, struct nvme_queue *queue, const uint32_t *word)
{
	uint16_t slot = COMPLETION_ID(word[3]);

	if (COMPLETION_SQ_ID(word[2]) != queue->id)
		return give_up(nvme, queue, "a completion for queue", COMPLETION_SQ_ID(word[2]));
	if (COMPLETION_SQ_HEAD(word[2]) >= queue->entries)
		return give_up(nvme, queue, "it has read up to entry", COMPLETION_SQ_HEAD(word[2]));
	if (slot >= queue->entries || !queue->slots[slot].is_busy || queue->slots[slot].is_done)
		return give_up(nvme, queue, "a completion nobody waits for, of command", slot);
	return 0;
}

/* One completion, if it has come: 1, 0 or -EPROTO. */
static int take_completion(struct nvme *nvme, struct nvme_queue *queue)
{
	const volatile uint32_t *entry = (const uint32_t *)queue->completions.buffer.cpu +
					 (size_t)queue->taken * NVME_COMPLETION_WORDS;
	uint32_t word[NVME_COMPLETION_WORDS];
	int rc;

	/* The phase tells that the entry is whole: it is read before the rest. */
	word[3] = __atomic_load_n(&entry[3], __ATOMIC_ACQUIRE);
	if (COMPLETION_PHASE(word[3]) != queue->phase)
		return 0;
	word[2] = entry[2];
	word[0] = entry[0];
	rc = check_completion(nvme, queue, word);
	if (rc)
		return rc;
	queue->slots[COMPLETION_ID(word[3])].is_done = true;
	queue->slots[COMPLETION_ID(word[3])].status = COMPLETION_STATUS(word[3]);
	queue->slots[COMPLETION_ID(word[3])].result = word[0];
	queue->head = COMPLETION_SQ_HEAD(word[2]);
	queue->in_flight--;
	queue->taken = (uint16_t)((queue->taken + 1) % queue->entries);
	if (queue->taken == 0)
		queue->phase ^= 1;
	return 1;
}

/* Everything that has come: how much, or -errno. */
static int take_completions(struct nvme *nvme, struct nvme_queue *queue)
{
	int rc, count = 0;

	while (queue->in_flight > 0 && (rc = take_completion(nvme, queue)) != 0) {
		if (rc < 0)
			return rc;
		count++;
	}
	if (count == 0)
		return 0;
	rc = smmu_reg_write32(nvme->device, 0, doorbell(nvme, queue, 1), queue->taken);
	return rc ? nvme_fail(nvme, rc, "the completion doorbell of queue %u cannot be written: %s",
			      queue->id, smmu_strerror(rc)) : count;
}

/* Nothing came for a while: is the controller still well, is there time left? */
static int look_around(struct nvme *nvme, const struct nvme_queue *queue, uint64_t deadline)
{
	uint32_t csts;
	int rc = nvme_check_alive(nvme, &csts);

	if (!rc && nvme_now_ms() >= deadline)
		rc = nvme_fail(nvme, -ETIMEDOUT, "%u commands of queue %u were not completed within "
			       "%u ms", queue->in_flight, queue->id, DEADLINE_MS);
	if (rc)
		nvme->is_broken = true;
	return rc;
}

int nvme_queue_wait(struct nvme *nvme, struct nvme_queue *queue)
{
	uint64_t deadline = nvme_now_ms() + DEADLINE_MS;
	unsigned idle = 0;
	int rc;

	while (queue->in_flight > 0) {
		rc = take_completions(nvme, queue);
		if (rc > 0)
			idle = 0;
		else if (rc == 0 && ++idle > SPINS) {
			nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
			if (idle % PAUSES_PER_CHECK == 0)
				rc = look_around(nvme, queue, deadline);
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

int nvme_queue_result(struct nvme *nvme, struct nvme_queue *queue, uint16_t slot,
		      const char *what, uint32_t *ret_result, uint16_t *ret_status)
{
	struct nvme_slot done = queue->slots[slot];
	char words[96];

	queue->slots[slot] = (struct nvme_slot){ 0 };
	if (ret_result)
		*ret_result = done.result;
	if (ret_status)
		*ret_status = done.status;
	if (done.status == 0)
		return 0;
	nvme_status_words(done.status, words, sizeof(words));
	return nvme_fail(nvme, -EIO, "%s failed: %s", what, words);
}

int nvme_queue_run(struct nvme *nvme, struct nvme_queue *queue, struct nvme_command *command,
		   const char *what, uint32_t *ret_result)
{
	uint16_t slot;
	int rc = nvme_queue_put(nvme, queue, command, &slot);

	if (!rc)
		rc = nvme_queue_ring(nvme, queue);
	if (!rc)
		rc = nvme_queue_wait(nvme, queue);
	return rc ? rc : nvme_queue_result(nvme, queue, slot, what, ret_result, NULL);
}
