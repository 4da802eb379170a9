/* SPDX-License-Identifier: BSD-2-Clause */
/* Domains: one address space each, one page table on every unit it spans. */
#ifndef SMMUMAN_SMMUMAN_DOMAIN_H
#define SMMUMAN_SMMUMAN_DOMAIN_H

#include "daemon.h"

int domain_create(struct daemon *d, struct conn *conn, uint32_t *ret_domain, struct error *err);
/* The client's domain of that handle: -ENOENT when it is not its own. */
int domain_of_client(const struct daemon *d, const struct conn *conn, uint32_t handle,
		     uint32_t *ret_domain, struct error *err);
/* The domain's space on the unit, made and filled with its grants if need be. */
int domain_space(struct daemon *d, uint32_t domain, struct unit *unit,
		 uint64_t table_page_limit, struct drv_space **ret_space, struct error *err);
/* No device is bound to it any more: its units are told to forget all of it. */
void domain_revoke_all(struct daemon *d, uint32_t domain, struct pending *pending);
/* After completion: grants, spaces and the domain itself. Returns how many grants. */
uint32_t domain_free(struct daemon *d, uint32_t domain, int status);
uint64_t domain_table_bytes(const struct daemon *d, uint32_t domain);
/* Brings the user's table bytes up to date after the domain's tables changed. */
void domain_account(struct daemon *d, uint32_t domain);

#endif
