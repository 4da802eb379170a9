/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The board's protocol as a test speaks it: plainly, so that it can also be
 * spoken wrong. And the edu device by its registers.
 */
#ifndef SMMUMAN_TESTS_BOARD_USER_H
#define SMMUMAN_TESTS_BOARD_USER_H

#include <stdbool.h>
#include <stdint.h>

#include "board.h"

/* The machine `virt`, and edu's registers. */
#define VIRT_SMMU UINT64_C(0x09050000)
#define VIRT_ECAM UINT64_C(0x4010000000)
#define VIRT_RAM UINT64_C(0x40000000)
#define VIRT_ECAM_OF(slot) (VIRT_ECAM + ((uint64_t)(slot) << 15))
#define EDU_BUFFER 0x40000u
#define EDU_BYTES 4092u /* QEMU 7.2 aborts when a transfer ends at its buffer's very end */
#define EDU_FROM_RAM 1u
#define EDU_TO_RAM 3u

int board_connect(const char *socket);

/* Status, or -ECONNRESET when the connection has ended instead. */
int board_ask(int fd, const struct board_request *request, uint64_t *ret_value);

/* As control. */
int board_say_hello(int fd, enum board_role role);

struct board_owner {
	int fd;
	struct board_hello hello;
	int part_fds[BOARD_PARTS_MAX];
	uint8_t *parts[BOARD_PARTS_MAX]; /* mapped */
	uint64_t ecam; /* configuration space of segment 0, as the machine's description says */
};

/* Status of HELLO; on 0 everything is mapped. */
int board_owner_init(struct board_owner *owner, const char *socket);
void board_owner_fini(struct board_owner *owner);

int board_read(int fd, uint64_t address, uint32_t size, uint64_t *ret_value);
int board_write(int fd, uint64_t address, uint32_t size, uint64_t value);

/* *ret_fd is the window's connection; returns status. */
int board_window_open(int fd, uint64_t address, uint64_t length, int *ret_fd, uint64_t *ret_id);
int board_window_close(int fd, uint64_t id);

/* Bus mastering on or off, and BAR 0, of a function 0 of bus 0 of any machine. */
uint64_t pci_config(const struct board_owner *owner, unsigned slot);
void pci_set_master(const struct board_owner *owner, unsigned slot, bool on);
uint64_t pci_bar0(const struct board_owner *owner, unsigned slot);

/* Starts a transfer by the window's registers; does not wait for its end. */
void edu_start(int window_fd, uint64_t source, uint64_t destination, uint32_t length,
	       uint32_t command);
bool edu_is_busy(int window_fd);

/* Until the device is idle; fails the test after WAIT_S. */
void edu_wait(int window_fd);

#endif
