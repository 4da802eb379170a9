// SPDX-License-Identifier: BSD-2-Clause
#include "device_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool device_words_alarm(const struct wire_device *device)
{
	return device->state == WIRE_DEVICE_QUARANTINED || device->state == WIRE_DEVICE_HOST ||
	       device->unsafe_interrupts == WIRE_UNSAFE_ALLOWED || device->is_uncovered;
}

char *device_words_interrupts(char to[DEVICE_WORDS_MAX], const struct wire_device *device)
{
	to[0] = '\0';
	if (device->unsafe_interrupts == WIRE_UNSAFE_ALLOWED)
		snprintf(to, DEVICE_WORDS_MAX,
			 "who has it can raise any interrupt of the machine (unsafe_interrupts: allow)");
	else if (device->unsafe_interrupts == WIRE_UNSAFE_REFUSED && device->policy[0])
		snprintf(to, DEVICE_WORDS_MAX,
			 "cannot be attached: its unit does not check interrupt messages, and the "
			 "policy does not say unsafe_interrupts: allow");
	return to;
}

char *device_words_group(char to[DEVICE_WORDS_MAX], const struct wire_device *device)
{
	to[0] = '\0';
	if (device->group_size > 1)
		snprintf(to, DEVICE_WORDS_MAX,
			 "one of %" PRIu32 " devices that cannot be told apart: the group of %.*s",
			 device->group_size, (int)WIRE_NAME, device->group);
	return to;
}

static void join(char to[DEVICE_WORDS_MAX], const char *words)
{
	size_t used = strlen(to);

	if (*words)
		snprintf(to + used, DEVICE_WORDS_MAX - used, "%s%s", used ? "; " : "", words);
}

char *device_words_note(char to[DEVICE_WORDS_MAX], const struct wire_device *device)
{
	char words[DEVICE_WORDS_MAX];

	to[0] = '\0';
	join(to, device->alias);
	join(to, device->note);
	if (device->state == WIRE_DEVICE_HOST)
		join(to, "open for the host kernel: it reaches all of its memory");
	join(to, device_words_group(words, device));
	join(to, device_words_interrupts(words, device));
	return to;
}

const char *device_words_reserved(uint32_t kind)
{
	switch ((enum wire_reserved_kind)kind) {
	case WIRE_RESERVED_INTERRUPT:
		return "writes there are interrupt messages";
	case WIRE_RESERVED_FIRMWARE:
		return "firmware has the device use its own memory there";
	case WIRE_RESERVED_UNUSABLE:
		break;
	}
	return "accesses there never reach memory";
}

const char *device_words_reserved_kind(uint32_t kind)
{
	return kind == WIRE_RESERVED_INTERRUPT ? "interrupt" :
	       kind == WIRE_RESERVED_FIRMWARE  ? "firmware" :
						 "unusable";
}
