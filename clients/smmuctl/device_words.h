/* SPDX-License-Identifier: BSD-2-Clause */
/* What has to be said of a device beside its name and state. */
#ifndef SMMUMAN_CLIENTS_SMMUCTL_DEVICE_WORDS_H
#define SMMUMAN_CLIENTS_SMMUCTL_DEVICE_WORDS_H

#include <stdbool.h>

#include "wire.h"

#define DEVICE_WORDS_MAX 480u

/* Does it need a person, or reach what others count on? Then it is red. */
bool device_words_alarm(const struct wire_device *device);

/* Each returns to; "" when there is nothing to say. */
char *device_words_interrupts(char to[DEVICE_WORDS_MAX], const struct wire_device *device);
char *device_words_group(char to[DEVICE_WORDS_MAX], const struct wire_device *device);

/* All of it, and the daemon's note, in one line. */
char *device_words_note(char to[DEVICE_WORDS_MAX], const struct wire_device *device);

/* Why nothing can be granted there, in a sentence and in a word. */
const char *device_words_reserved(uint32_t kind);
const char *device_words_reserved_kind(uint32_t kind);

#endif
