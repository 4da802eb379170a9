/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SMMUMAN_SMMUMAN_NOTIFY_H
#define SMMUMAN_SMMUMAN_NOTIFY_H

/*
 * Clients may come: tells systemd (when it listens) with a status line, and
 * writes "ready\n" to ready_fd, which it closes (-1: nothing).
 */
void notify_ready(int ready_fd, const char *status);

/* The daemon is ending. */
void notify_stopping(void);

#endif
