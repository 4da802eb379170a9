// SPDX-License-Identifier: BSD-2-Clause
/* The loop and what it watches besides the connections themselves. */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "log.h"
#include "scoped.h"
#include "server_loop.h"
#include "server_memory.h"

#define TICK_BUSY_MS 1	/* something waits for a unit or a device */
#define TICK_IDLE_MS 10 /* faults are looked for this often */
#define HELLO_NS UINT64_C(2000000000)

/* One daemon a socket: the lock outlives neither of us. */
static int lock_path(const char *path, int *ret_lock, struct error *err)
{
	scoped_fd lock = -1;
	char name[128];

	if (snprintf(name, sizeof(name), "%s.lock", path) >= (int)sizeof(name))
		return error_set(err, -ENAMETOOLONG, "the socket path '%s' is too long", path);
	lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock < 0)
		return error_set(err, -errno, "%s: %s", name, strerror(errno));
	if (flock(lock, LOCK_EX | LOCK_NB) < 0)
		return error_set(err, -EADDRINUSE, "another smmuman serves %s (its lock %s is held)", path,
				 name);
	*ret_lock = take_fd(&lock);
	return 0;
}

static int bind_socket(const char *path, int *ret_fd, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	scoped_fd fd = -1;
	mode_t old;
	int ret;

	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(err, -ENAMETOOLONG, "the socket path '%s' is too long", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(err, -errno, "no socket: %s", strerror(errno));
	unlink(path); /* ours alone: the lock is held */
	old = umask(0117);
	ret = bind(fd, (struct sockaddr *)&address, sizeof(address));
	umask(old);
	if (ret < 0 || listen(fd, 128) < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	*ret_fd = take_fd(&fd);
	return 0;
}

static void drop_silent(struct server *server)
{
	uint64_t now = hw_now_ns(&server->d->machine->hw);
	struct list *pos, *after;

	if (server->d->silent_count == 0)
		return;
	list_for_each_safe(pos, after, &server->d->conns) {
		struct conn *conn = list_entry(pos, struct conn, node);

		if (!conn->said_hello && !conn->is_gone && now - conn->accepted_ns > HELLO_NS)
			server_end_conn(conn);
	}
}

static void on_tick(uv_timer_t *timer)
{
	struct server *server = timer->data;
	uint64_t next;

	next = daemon_tick(server->d) ? TICK_BUSY_MS : TICK_IDLE_MS;
	drop_silent(server);
	if (server->retry_ns && hw_now_ns(&server->d->machine->hw) >= server->retry_ns)
		server_resume_accepting(server);
	if (uv_timer_get_repeat(timer) != next) {
		uv_timer_set_repeat(timer, next);
		uv_timer_again(timer);
	}
}

void server_hurry(struct server *server)
{
	if (uv_timer_get_repeat(&server->tick) == TICK_BUSY_MS)
		return;
	uv_timer_set_repeat(&server->tick, TICK_BUSY_MS);
	uv_timer_again(&server->tick);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct server *server = handle->data;

	log_note("%s: closing every unit and ending", number == SIGTERM ? "SIGTERM" : "SIGINT");
	uv_stop(&server->loop);
}

/* The board hung up: registers read all ones, nothing can be done any more. */
static void on_machine_lost(uv_poll_t *handle, int status, int events)
{
	struct server *server = handle->data;

	(void)status;
	(void)events;
	log_alarm("%s is gone; ending", server->d->machine->words);
	server->result = -ENODEV;
	uv_stop(&server->loop);
}

/*
 * libuv makes what it watches non-blocking, but the back end's requests on that
 * descriptor are answered in turn and wait: so a descriptor that watches it is
 * watched instead.
 */
static int watch_machine(struct server *server)
{
	struct epoll_event hang_up = { .events = EPOLLRDHUP };
	int fd = server->d->machine->lost_fd;
	int ret;

	if (fd < 0)
		return 0;
	server->lost_epoll = epoll_create1(EPOLL_CLOEXEC);
	if (server->lost_epoll < 0 ||
	    epoll_ctl(server->lost_epoll, EPOLL_CTL_ADD, fd, &hang_up) < 0)
		return -errno;
	ret = uv_poll_init(&server->loop, &server->machine, server->lost_epoll);
	server->machine.data = server;
	return ret ? ret : uv_poll_start(&server->machine, UV_READABLE, on_machine_lost);
}

static int start_handles(struct server *server)
{
	uv_loop_t *loop = &server->loop;
	int ret;

	ret = uv_timer_init(loop, &server->tick);
	if (ret == 0)
		ret = uv_timer_start(&server->tick, on_tick, TICK_BUSY_MS, TICK_BUSY_MS);
	if (ret == 0)
		ret = uv_signal_init(loop, &server->term);
	if (ret == 0)
		ret = uv_signal_start(&server->term, on_signal, SIGTERM);
	if (ret == 0)
		ret = uv_signal_init(loop, &server->interrupt);
	if (ret == 0)
		ret = uv_signal_start(&server->interrupt, on_signal, SIGINT);
	if (ret == 0)
		ret = uv_poll_init(loop, &server->listener, server->listen_fd);
	if (ret == 0)
		ret = uv_poll_start(&server->listener, UV_READABLE, server_on_connect);
	if (ret == 0)
		ret = watch_machine(server);
	server->tick.data = server->term.data = server->interrupt.data = server;
	server->listener.data = server;
	return ret;
}

int server_open(struct daemon *d, const char *path, struct server **ret_server, struct error *err)
{
	struct server *server = calloc(1, sizeof(*server));
	int ret;

	if (!server)
		return error_set(err, -ENOMEM, "no memory for the server");
	server->d = d;
	server->lock_fd = server->listen_fd = server->lost_epoll = -1;
	server->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	snprintf(server->path, sizeof(server->path), "%s", path);
	d->answer = server_answer;
	d->drop = server_drop;
	d->server = server;
	server_memory_init();
	if (uv_loop_init(&server->loop) != 0) {
		if (server->reserve_fd >= 0)
			close(server->reserve_fd);
		free(server);
		return error_set(err, -ENOMEM, "the event loop cannot be set up");
	}
	ret = lock_path(path, &server->lock_fd, err);
	if (ret == 0)
		ret = bind_socket(path, &server->listen_fd, err);
	if (ret == 0 && start_handles(server) != 0)
		ret = error_set(err, -EIO, "the event loop cannot be set up");
	if (ret < 0) {
		server_free(server);
		return ret;
	}
	*ret_server = server;
	return 0;
}

int server_run(struct server *server)
{
	uv_run(&server->loop, UV_RUN_DEFAULT);
	return server->result;
}

static void close_handle(uv_handle_t *handle, void *unused)
{
	(void)unused;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void server_free(struct server *server)
{
	struct list *pos, *after;

	server->is_ending = true;
	/* The units are closed by now or the machine is gone: nobody waits for them. */
	list_for_each_safe(pos, after, &server->d->conns)
		server_forget_conn(list_entry(pos, struct conn, node));
	uv_run(&server->loop, UV_RUN_NOWAIT);
	uv_walk(&server->loop, close_handle, NULL);
	uv_run(&server->loop, UV_RUN_DEFAULT);
	uv_loop_close(&server->loop);
	if (server->listen_fd >= 0) {
		unlink(server->path);
		close(server->listen_fd);
	}
	if (server->lock_fd >= 0)
		close(server->lock_fd);
	if (server->lost_epoll >= 0)
		close(server->lost_epoll);
	if (server->reserve_fd >= 0)
		close(server->reserve_fd);
	free(server);
}
