/* SPDX-License-Identifier: BSD-2-Clause */
/* A fuzzer's bytes read as messages that mean something more often than bytes do. */
#ifndef SMMUMAN_TESTS_SESSION_INPUT_H
#define SMMUMAN_TESTS_SESSION_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

#define INPUT_HANDLES 8u

void input_begin(const uint8_t *data, size_t size);
bool input_is_left(void);

/* A handle that a reply gave: later bytes name it by its place. */
void input_keep_handle(uint32_t handle);

/* The next byte; 0 when none is left. */
uint8_t input_next(void);
uint64_t input_iova(void);
void input_fill(void *to, size_t size);

/* The body of a request of that row; body is zeroed. Its size. */
uint32_t input_body(const struct wire_message *message, uint8_t *body);

#endif
