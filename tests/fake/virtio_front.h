/* SPDX-License-Identifier: BSD-2-Clause */
/* The registers of virtio_fake.h's device; for virtio_fake.c alone. */
#ifndef SMMUMAN_TESTS_VIRTIO_FRONT_H
#define SMMUMAN_TESTS_VIRTIO_FRONT_H

#include "virtio_fake.h"

extern const struct hw_ops virtio_front_ops;

/* PCI configuration space, and what virtio-mmio says it is. */
void virtio_front_init(struct virtio_fake *fake);

/* virtio_fake.c: nothing is attached any more. */
void virtio_fake_reset_domains(struct virtio_fake *fake);

#endif
