// SPDX-License-Identifier: BSD-2-Clause
/* The QNX-compatible calls: the connection and the objects. */
#include "qnx.h"

#include <errno.h>
#include <stdlib.h>

struct qnx qnx = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.objects = { &qnx.objects, &qnx.objects },
	.devices = { &qnx.devices, &qnx.devices },
	.epoll = -1,
};

int qnx_lock(void)
{
	pthread_mutex_lock(&qnx.lock);
	if (qnx.context)
		return 0;
	pthread_mutex_unlock(&qnx.lock);
	return -ENOTCONN;
}

int qnx_result(int rc)
{
	if (rc >= 0)
		return rc;
	errno = -rc;
	return -1;
}

int qnx_unlock(int rc)
{
	pthread_mutex_unlock(&qnx.lock);
	return qnx_result(rc);
}

/* --- the connection ----------------------------------------------------------------- */

static void object_free(struct smmu_object *object)
{
	list_remove(&object->node);
	qnx_map_forget(object);
	free(object);
}

/* Everything of this process; the service does its part when the socket closes. */
static void forget_all(void)
{
	qnx_fault_forget();
	while (!list_is_empty(&qnx.devices))
		qnx_device_forget(list_entry(qnx.devices.next, struct qnx_device, node));
	while (!list_is_empty(&qnx.objects))
		object_free(list_entry(qnx.objects.next, struct smmu_object, node));
	smmu_close(qnx.context);
	qnx.context = NULL;
	qnx.uses = 0;
}

int smmu_init(unsigned flags)
{
	int rc = 0;

	if (flags != 0)
		return qnx_result(-EINVAL);
	pthread_mutex_lock(&qnx.lock);
	if (qnx.context && !client_is_ours(qnx.context))
		forget_all(); /* we are the child of a fork: the parent's are not ours */
	if (!qnx.context)
		rc = smmu_open(&qnx.context, NULL);
	if (!rc)
		qnx.uses++;
	return qnx_unlock(rc);
}

int smmu_fini(void)
{
	int rc = qnx_lock();

	if (rc)
		return qnx_result(rc);
	if (--qnx.uses == 0)
		forget_all();
	return qnx_unlock(0);
}

struct smmu *smmu_default(void)
{
	struct smmu *context;

	pthread_mutex_lock(&qnx.lock);
	context = qnx.context;
	pthread_mutex_unlock(&qnx.lock);
	return context;
}

int smmu_safety(void)
{
	int rc = qnx_lock();

	if (rc)
		return qnx_result(rc);
	return qnx_unlock(SMMUMAN_SAFETY_NO);
}

/* --- objects ------------------------------------------------------------------------ */

int qnx_check_object(const struct smmu_object *object)
{
	const struct list *pos;

	list_for_each(pos, &qnx.objects)
		if (object == list_entry(pos, struct smmu_object, node))
			return 0;
	return -EINVAL;
}

static int object_create(struct smmu_object **ret_object)
{
	struct smmu_object *object = calloc(1, sizeof(*object));
	int rc;

	if (!object)
		return -ENOMEM;
	rc = smmu_domain_create(qnx.context, &object->domain);
	if (rc) {
		free(object);
		return rc;
	}
	list_init(&object->adds);
	list_init(&object->segments);
	list_add_tail(&qnx.objects, &object->node);
	*ret_object = object;
	return 0;
}

struct smmu_object *smmu_obj_create(unsigned flags)
{
	struct smmu_object *object = NULL;
	int rc = (flags & ~SOCF_RESERVED_MANUAL) ? -EINVAL : 0;

	if (!rc)
		rc = qnx_lock();
	if (rc) {
		errno = -rc;
		return NULL;
	}
	qnx_unlock(object_create(&object));
	return object;
}

static int object_destroy(struct smmu_object *object)
{
	struct list *pos, *after;
	int rc = qnx_check_object(object);

	if (rc)
		return rc;
	list_for_each_safe(pos, after, &qnx.devices) {
		struct qnx_device *device = list_entry(pos, struct qnx_device, node);

		if (device->object == object)
			rc = qnx_device_remove(device);
		if (rc)
			return rc;
	}
	rc = smmu_domain_destroy(qnx.context, object->domain);
	if (!rc)
		object_free(object);
	return rc;
}

int smmu_obj_destroy(struct smmu_object *sop)
{
	int rc = qnx_lock();

	return rc ? qnx_result(rc) : qnx_unlock(object_destroy(sop));
}
