/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libsmmu: what a program that drives a DMA device asks of smmuman.
 *
 * A driver attaches its device to a domain, registers memory it owns, and
 * grants parts of that memory at addresses the device will use. The device
 * reaches the grants of its domain and nothing else.
 *
 *	smmu_open(&ctx, NULL);
 *	smmu_domain_create(ctx, &domain);
 *	smmu_attach(ctx, domain, "pci:0000:00:02.0", &attached);
 *	smmu_dma_alloc(ctx, 4096, &buffer);
 *	grant = (struct smmu_grant){ buffer.memory, SMMU_READ | SMMU_WRITE,
 *				     buffer.device_address, buffer.length, 0 };
 *	smmu_map(ctx, domain, &grant);
 *	... the device may now use buffer.device_address ...
 *	smmu_unmap(ctx, domain, buffer.device_address, buffer.length);
 *
 * When smmu_unmap() returns 0 the device no longer reaches the memory, and
 * what it had in flight has arrived or was refused.
 *
 * Contexts. A context is one connection. What was made through it (domains,
 * attached devices, memories, grants) lives as long as it: when it is closed, or
 * its process dies, the service closes the devices first and lets go of the
 * memory after. Several contexts may be open at once. Calls on one context may come
 * from any thread; they take turns. Nothing here prints, exits, uses signals
 * or keeps globals (but for the one context of the QNX calls below). Every
 * descriptor is close-on-exec.
 *
 * Waiting. A call blocks until the service has answered; each is one packet
 * out and one packet back (two system calls). smmu_set_timeout() bounds the wait.
 * A context whose service hung up, answered nonsense or ran into the timeout
 * is over: it is cut, so that the service closes its devices, and every later
 * call returns -ENOTCONN. In the caller's own loop, poll smmu_fd() for POLLHUP
 * and smmu_fault_fd() for POLLIN.
 *
 * fork(). A child may use none of its parent's contexts: calls return
 * -ENOTCONN there, smmu_close() frees the child's copy and leaves the parent's
 * connection alone. It opens its own.
 *
 * Results. 0 (or a count) for success, else a negative errno;
 * smmu_last_error() has the sentence that says what to do. A call that fails
 * changed nothing.
 */
#ifndef SMMU_H
#define SMMU_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sigevent; /* <signal.h> shows it to POSIX sources only */
struct smmu;
struct smmu_device;

enum smmu_rights {
	SMMU_READ = 1,	/* the device may read memory */
	SMMU_WRITE = 2, /* the device may write memory */
	SMMU_EXEC = 4	/* the device may fetch instructions */
};

#define SMMU_DEVICE_NAME 96 /* bytes of a device name, NUL included */
#define SMMU_BARS 6	    /* register windows of a device */

/* --- contexts ----------------------------------------------------------------- */

/*
 * Connects to the service at a Unix socket; NULL: $SMMU_SOCKET, else
 * /run/smmuman/smmuman.sock. Waits at most ten seconds for its greeting.
 * -ENOENT or -ECONNREFUSED: nobody serves there. -EACCES or -EPERM: no rule of
 * the policy is about this process. -EPROTO: not a smmuman.
 */
int smmu_open(struct smmu **ret_context, const char *socket_path);

/* The same; puts the sentence of a failure in why, cut to why_size bytes. */
int smmu_open_why(struct smmu **ret_context, const char *socket_path, char *why, size_t why_size);

/*
 * Ends the context and frees it with its devices and DMA buffers: no pointer
 * from it may be used afterwards. NULL is allowed.
 */
void smmu_close(struct smmu *context);

/* The connection, to poll for POLLHUP; never read or close it. */
int smmu_fd(const struct smmu *context);

/*
 * How long a call may wait for the service, in milliseconds; 0, the default:
 * for ever. When it runs out the call returns -ETIMEDOUT and the context is over.
 */
int smmu_set_timeout(struct smmu *context, unsigned milliseconds);

/* A few words for a result code of this library, negative or not. Static. */
const char *smmu_strerror(int code);

/*
 * The sentence of the newest failed call of this context, by any thread, cut
 * to size bytes and NUL-terminated. Returns that call's code, 0 if none failed.
 */
int smmu_last_error(struct smmu *context, char *text, size_t size);

/* What the service said of itself and of us when we connected. */
struct smmu_info {
	char service[48]; /* "smmuman 0.1" */
	char rule[48];	  /* the policy's name for this client */
	uint32_t client;  /* our number in smmuctl(1) */
	uint32_t page_bytes;
	uint32_t batch_max;
	uint32_t may_round;  /* the QNX calls may round to whole pages */
	uint32_t may_target; /* SMF_TARGET of the QNX calls is allowed */
};

int smmu_info(struct smmu *context, struct smmu_info *ret_info);

/* --- domains and devices -------------------------------------------------------- */

/* A domain is one I/O address space and the devices attached to it. */
int smmu_domain_create(struct smmu *context, uint32_t *ret_domain);

/* Takes its grants away first. -EBUSY while devices are attached. */
int smmu_domain_destroy(struct smmu *context, uint32_t domain);

struct smmu_attached {
	uint32_t device;     /* handle, for smmu_detach() and smmu_device_open() */
	uint32_t input_bits; /* addresses of this device are below 1 << input_bits */
	uint32_t write_only; /* nonzero: a grant without SMMU_READ can be enforced */
	char name[SMMU_DEVICE_NAME]; /* canonical */
};

/*
 * Puts a device into a domain: "pci:0000:00:02.0", "dt:/soc/dma@1000",
 * "mmio:0x1000+0x100". From then on it reaches the domain's grants.
 * -EBUSY: somebody has it. -EAGAIN: its last owner is gone but it is still being
 * brought to rest; try again. -EACCES, -EPERM: the policy or a quarantine.
 */
int smmu_attach(struct smmu *context, uint32_t domain, const char *name,
		struct smmu_attached *ret_attached);

/* When it returns 0 the device reaches nothing. Its registers are gone too. */
int smmu_detach(struct smmu *context, uint32_t device);

/*
 * Opens the registers of an attached device. *ret_device ends with
 * smmu_device_close() or with the context. -EBUSY: it is open already.
 */
int smmu_device_open(struct smmu *context, uint32_t device, struct smmu_device **ret_device);
void smmu_device_close(struct smmu_device *device);

/* The size of a register window in bytes, 0: the device has none there. */
uint64_t smmu_bar_size(const struct smmu_device *device, unsigned bar);

/*
 * One register access of exactly that width, the same on a virtual board as on
 * mapped hardware. -ENXIO: no such window. -EINVAL: offset not a multiple of the
 * width. -ERANGE: beyond the window. -ENODEV: the window was taken away.
 */
int smmu_reg_read8(struct smmu_device *device, unsigned bar, uint64_t offset, uint8_t *ret_value);
int smmu_reg_read16(struct smmu_device *device, unsigned bar, uint64_t offset,
		    uint16_t *ret_value);
int smmu_reg_read32(struct smmu_device *device, unsigned bar, uint64_t offset,
		    uint32_t *ret_value);
int smmu_reg_read64(struct smmu_device *device, unsigned bar, uint64_t offset,
		    uint64_t *ret_value);
int smmu_reg_write8(struct smmu_device *device, unsigned bar, uint64_t offset, uint8_t value);
int smmu_reg_write16(struct smmu_device *device, unsigned bar, uint64_t offset, uint16_t value);
int smmu_reg_write32(struct smmu_device *device, unsigned bar, uint64_t offset, uint32_t value);
int smmu_reg_write64(struct smmu_device *device, unsigned bar, uint64_t offset, uint64_t value);

/*
 * PCI configuration space, through the service, which refuses what would undo
 * containment (-EPERM). size 1, 2 or 4; offset a multiple of it, below 4096.
 */
int smmu_config_read(struct smmu_device *device, unsigned offset, unsigned size,
		     uint32_t *ret_value);
int smmu_config_write(struct smmu_device *device, unsigned offset, unsigned size, uint32_t value);

/* --- memory and grants ---------------------------------------------------------- */

/*
 * Registers part of a memfd (or hugetlbfs file) that is sealed against
 * shrinking and has no holes. rights: the most a grant of it may have. The
 * descriptor stays the caller's. Whole pages.
 */
int smmu_memory_add(struct smmu *context, int fd, uint64_t offset, uint64_t length,
		    unsigned rights, uint32_t *ret_memory);

/* -EBUSY while any of it is granted. */
int smmu_memory_remove(struct smmu *context, uint32_t memory);

struct smmu_region {
	uint32_t memory; /* handle */
	uint32_t rights; /* the most a grant of it may have */
	uint64_t address, length; /* physical */
};

/* A named run of physical addresses of the policy, as a memory. */
int smmu_region_open(struct smmu *context, const char *name, struct smmu_region *ret_region);

struct smmu_grant {
	uint32_t memory;
	uint32_t rights; /* enum smmu_rights */
	uint64_t iova;	 /* where the device sees it */
	uint64_t length;
	uint64_t offset; /* of the first byte in the memory */
};

struct smmu_range {
	uint64_t iova, length;
};

/*
 * Grants. Whole pages, exactly as given: never rounded, never overlapping
 * another grant of the domain (-EEXIST). A batch is all or nothing, with one
 * invalidation for all of it; more than smmu_batch_max() entries at once are
 * refused with -E2BIG.
 */
int smmu_map(struct smmu *context, uint32_t domain, const struct smmu_grant *grant);
int smmu_map_batch(struct smmu *context, uint32_t domain, const struct smmu_grant *grants,
		   unsigned count);

/* A grant goes as it came: whole. A batch is all or nothing here too. */
int smmu_unmap(struct smmu *context, uint32_t domain, uint64_t iova, uint64_t length);
int smmu_unmap_batch(struct smmu *context, uint32_t domain, const struct smmu_range *ranges,
		     unsigned count);

unsigned smmu_batch_max(const struct smmu *context);

/*
 * Addresses a device, or one that cannot be told apart from it, cannot use: a
 * grant there is -EINVAL. In order; at most max of them from number offset on.
 * Returns how many were stored; *ret_more (may be NULL) is nonzero when others follow.
 */
int smmu_reserved(struct smmu *context, const char *name, unsigned offset,
		  struct smmu_range *ranges, unsigned max, int *ret_more);

/* --- buffers for DMA ------------------------------------------------------------ */

struct smmu_dma_buffer {
	void *cpu;     /* where this process sees it: zeroed, present, shared */
	uint64_t length; /* whole pages, at least what was asked for */
	uint32_t memory; /* handle; the buffer is all of it, from offset 0 */
	uint32_t zero;
	uint64_t device_address; /* an address for it that no other buffer of the context has */
};

/*
 * Memory of its own, whole pages that hold nothing else, registered for reading
 * and writing. On a virtual board it lies in the board's RAM. device_address is only a
 * proposal: nothing is granted yet, and the caller may map it anywhere.
 */
int smmu_dma_alloc(struct smmu *context, size_t size, struct smmu_dma_buffer *ret_buffer);

/* -EBUSY while any of it is granted; the buffer is then still there. */
int smmu_dma_free(struct smmu *context, struct smmu_dma_buffer *buffer);

/*
 * Where proposed addresses lie from now on, lowest first. Without this call: from
 * 1 MiB to 128 MiB, then 256 MiB to 3.5 GiB, then 4 GiB to 256 GiB. Call it with the
 * window the policy gives this client. Whole pages.
 */
int smmu_dma_window(struct smmu *context, uint64_t iova, uint64_t length);

/* --- faults --------------------------------------------------------------------- */

enum smmu_fault_kind {
	SMMU_FAULT_TRANSLATION, /* nothing was granted there */
	SMMU_FAULT_PERMISSION,	/* granted, but not for this access */
	SMMU_FAULT_ADDRESS,	/* beyond what the unit can express */
	SMMU_FAULT_STREAM,	/* a device nobody may use */
	SMMU_FAULT_CONFIG,	/* the unit found its entry unusable */
	SMMU_FAULT_TABLE,	/* the unit could not read its tables */
	SMMU_FAULT_REQUEST,	/* a kind of request that is never allowed */
	SMMU_FAULT_UNKNOWN
};

enum smmu_fault_flags {
	SMMU_FAULT_HAS_STREAM = 1,
	SMMU_FAULT_HAS_SUBSTREAM = 2,
	SMMU_FAULT_HAS_ADDRESS = 4,
	SMMU_FAULT_IS_LOSS = 8 /* not a fault: hardware dropped records here */
};

/* One refused access; neighbours of one kind are one record with a count. */
struct smmu_fault {
	uint64_t sequence; /* grows by one a record */
	uint64_t boot_ns, real_ns; /* of the first: CLOCK_BOOTTIME, CLOCK_REALTIME */
	uint64_t address, last_address;
	uint64_t count;	   /* accesses this record stands for */
	uint64_t words[4]; /* as the hardware wrote it */
	uint32_t stream, substream;
	uint32_t client, domain; /* 0: nobody owned the device then */
	uint32_t uid;
	int32_t pid;
	uint16_t code;	/* the hardware's event number */
	uint8_t kind;	/* enum smmu_fault_kind */
	uint8_t access; /* SMMU_READ, SMMU_WRITE or SMMU_EXEC; 0 unknown */
	uint8_t flags;	/* enum smmu_fault_flags */
	uint8_t zero[3];
	char unit[32];
	char device[SMMU_DEVICE_NAME];
	char owner[48];	 /* the policy's name for the client */
	char event[32];	 /* the hardware's name for it */
	char reason[96]; /* in plain words */
	char note[192];	 /* the grant it just missed, or the one that had covered it */
};

/*
 * A descriptor that polls readable when faults of this client's devices were
 * recorded since the last smmu_fault_read(). It belongs to the context.
 */
int smmu_fault_fd(struct smmu *context);

/*
 * The next records of this client's devices, oldest first: returns how many
 * were stored, 0 when there are no more. *ret_lost (may be NULL): how many
 * could no longer be had, because the service's log is bounded.
 */
int smmu_fault_read(struct smmu *context, struct smmu_fault *faults, unsigned max,
		    uint64_t *ret_lost);

/* --- the QNX-compatible calls ---------------------------------------------------- */

/*
 * Names, types and results as QNX documents them, so that a driver's calls
 * compile unchanged. They fail with -1 and errno. They share one context per
 * process, from smmu_init() to smmu_fini(); smmu_default() gives it, for the
 * calls above.
 *
 * One thing differs: a process here owns no physical addresses. The "phys" of
 * an entry is what the device will emit: the device_address of a buffer from
 * smmu_dma_alloc(smmu_default(), ...), or an address in a region that
 * smmu_region_open() opened on that context. Everything else is EPERM.
 */

#define SMMU_ABILITY_ATTACH_NAME "smmu/attach"
#define SMMU_ABILITY_TARGET_NAME "smmu/target"

#define SMMU_PCI_FIELD_ANY (~0u)

#define SMF_NONE 0x00u
#define SMF_READ 0x01u
#define SMF_WRITE 0x02u
#define SMF_EXEC 0x04u
#define SMF_VIRT 0x08u	 /* reserved: EINVAL */
#define SMF_TARGET 0x10u /* respect target; needs the right of that name */

#define SOCF_NONE 0x0000u
#define SOCF_RESERVED_MANUAL 0x0001u /* accepted: reserved regions are never mapped here */

#define SSF_DROPPED_FAULTS 0x0001u /* records before this one were lost */

#define SMMUMAN_SAFETY_ERROR (-1)
#define SMMUMAN_SAFETY_NO 0
#define SMMUMAN_SAFETY_YES 1

enum smmu_devid_type { SDT_PCI, SDT_MMIO, SDT_NUM_TYPES };

struct smmu_devid_pci {
	unsigned type, bus, dev, func;
};

struct smmu_devid_mmio {
	unsigned type;
	unsigned length;
	uint64_t phys;
};

union smmu_devid {
	unsigned type; /* SDT_NUM_TYPES: a device that has neither kind of name */
	struct smmu_devid_pci pci;
	struct smmu_devid_mmio mmio;
	uint64_t spacer_[4];
};

struct smmu_map_entry {
#if defined(__GNUC__)
	__extension__
#endif
	union {
		void *virt;
		uint32_t virt32;
		uint64_t virt64;
		uint64_t phys;
	};
	uint64_t len;
};

struct smmu_status {
	uint64_t hw_specific; /* the first word of the hardware's record */
	uint64_t fault_addr;
	union smmu_devid devid;
	unsigned flags; /* SSF_* */
};

struct smmu_object;

/* flags must be 0. Counted: as many smmu_fini() end the connection. */
int smmu_init(unsigned flags);
/* The last one closes the devices and frees every object. */
int smmu_fini(void);

/* NULL outside smmu_init() .. smmu_fini(). */
struct smmu *smmu_default(void);

/* SMMUMAN_SAFETY_NO: nothing here is certified. ERROR: not connected. */
int smmu_safety(void);

/* NULL and errno on failure. */
struct smmu_object *smmu_obj_create(unsigned flags);
/* Detaches its devices and takes its mappings away. */
int smmu_obj_destroy(struct smmu_object *sop);

/*
 * Puts a device into an object; sop NULL takes it out of this process's
 * objects. 0, or -1: EBUSY somebody else has it, or another object here;
 * ENOENT unknown here, or not ours to remove. Never +1: nothing has to be mapped again.
 * A device at rest between owners is waited for, a second at most.
 * SMMU_PCI_FIELD_ANY means each device the service knows, so adding with it
 * takes an observer's right (EPERM); all of them or none.
 */
int smmu_device_add_generic(struct smmu_object *sop, const union smmu_devid *devid);
int smmu_device_add_mmio(struct smmu_object *sop, uint64_t phys, unsigned len);
int smmu_device_add_pci(struct smmu_object *sop, unsigned pbus, unsigned pdev, unsigned pfunc);

/*
 * Fills up to nresv entries from number offset on. Returns how many, more than
 * nresv when others follow, 0 past the end, (unsigned)-1 and errno on failure.
 */
unsigned smmu_device_report_reserved(const union smmu_devid *devid, unsigned offset,
				     struct smmu_map_entry *resv, unsigned nresv);

/*
 * Adds mappings, or removes them when flags has none of READ, WRITE, EXEC. All
 * entries or none. Entries are rounded out to whole pages where the policy says so
 * for this client, else unaligned ones are EINVAL. Entries that share
 * a page only because of the rounding share its mapping, counted; so does an
 * entry added twice. Entries that overlap otherwise, or with other rights, are EEXIST.
 * What was added is removed as it was added (ENOENT).
 * pid is ignored. target is 0, or with SMF_TARGET a device_address or region address as
 * above: the entries then lie at phys for the device, one after the other from target on.
 */
int smmu_mapping_add(struct smmu_object *sop, unsigned flags, pid_t pid, unsigned num_entries,
		     const struct smmu_map_entry *entries, uint64_t target);

/*
 * One-shot: smmu_xfer_fd() polls readable when a fault was recorded after (or
 * shortly before) this call; the smmu_xfer_status() that follows ends the
 * registration. evp must be SIGEV_NONE (ENOTSUP otherwise: this library
 * raises no signals); NULL cancels.
 */
int smmu_xfer_notify(const struct sigevent *evp);

/* -1 and errno before the first smmu_xfer_notify(). Never read or close it. */
int smmu_xfer_fd(void);

/*
 * Takes the next fault of this process's devices. 1: one was stored; 0: there
 * is none; -1 and errno. The service keeps more than the 64 that QNX does; when its
 * log overran, the next record has SSF_DROPPED_FAULTS.
 */
int smmu_xfer_status(struct smmu_status *ssp);

#ifdef __cplusplus
}
#endif

#endif
