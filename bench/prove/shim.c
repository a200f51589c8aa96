/*
 * A layer between a program and its C library, loaded by LD_PRELOAD: calls on files below some folder fail as a dying
 * disk's do, and the wall clock is wrong. A file that is mapped by everyone says what happens now; its layout is `struct
 * control`, and shim.ts writes it.
 *
 *   PENSTOCK_SHIM_CONTROL   that file
 *   PENSTOCK_SHIM_FOLDER    part of a path: calls on other files are let through
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct control {
  int64_t clock_offset_ms; /* added to the wall clock */
  int32_t write_permille;  /* of writes and truncates that fail */
  int32_t sync_permille;   /* of syncs that fail */
  int32_t error;           /* errno of those */
  int32_t seed;
  int32_t struck_writes; /* written here: calls that failed, or took a part only */
  int32_t struck_syncs;
  int32_t struck_clocks;
};

static volatile struct control *control;
static const char *folder;
static __thread uint64_t random_state;

__attribute__((constructor)) static void open_control(void) {
  const char *path = getenv("PENSTOCK_SHIM_CONTROL");
  folder = getenv("PENSTOCK_SHIM_FOLDER");
  if (path == NULL || folder == NULL) return;
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *memory = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (memory != MAP_FAILED) control = memory;
}

#define REAL(name) ((__typeof__(&name))real_function(#name))
static void *real_function(const char *name) { return dlsym(RTLD_NEXT, name); }

/* xorshift64*; a state a thread, so that none waits for another. */
static uint32_t next_random(void) {
  if (random_state == 0)
    random_state = ((uint64_t)control->seed << 32) ^ (uint64_t)(uintptr_t)&random_state ^ 0x9e3779b97f4a7c15u;
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return (uint32_t)((random_state * 0x2545f4914f6cdd1du) >> 32);
}

static int is_ours(int fd) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return strstr(path, folder) != NULL;
}

static int strikes(int fd, int32_t permille, volatile int32_t *struck) {
  if (permille <= 0 || (int32_t)(next_random() % 1000) >= permille || !is_ours(fd)) return 0;
  __atomic_add_fetch(struck, 1, __ATOMIC_RELAXED);
  return 1;
}

static int write_strikes(int fd) {
  return control != NULL && strikes(fd, control->write_permille, &control->struck_writes);
}

static int fail(void) {
  errno = control->error;
  return -1;
}

/* Half of the writes that are struck take a part, as they do on a disk that runs full; the next may go on, or fail. */
static int takes_a_part(void) { return next_random() & 1; }

#define PWRITE(name, offset_type)                                                                  \
  ssize_t name(int fd, const void *bytes, size_t length, offset_type offset) {                     \
    if (!write_strikes(fd)) return REAL(name)(fd, bytes, length, offset);                          \
    if (length < 2 || !takes_a_part()) return fail();                                              \
    return REAL(name)(fd, bytes, 1 + next_random() % (length - 1), offset);                        \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define PWRITEV(name, offset_type)                                                                 \
  ssize_t name(int fd, const struct iovec *views, int count, offset_type offset) {                 \
    if (!write_strikes(fd)) return REAL(name)(fd, views, count, offset);                           \
    struct iovec part = views[0];                                                                  \
    if (part.iov_len < 2 || !takes_a_part()) return fail();                                        \
    part.iov_len = 1 + next_random() % (part.iov_len - 1);                                         \
    return REAL(name)(fd, &part, 1, offset);                                                       \
  }
PWRITEV(pwritev, off_t)
PWRITEV(pwritev64, off64_t)

#define TRUNCATE(name, offset_type)                                                                \
  int name(int fd, offset_type length) {                                                           \
    return write_strikes(fd) ? fail() : REAL(name)(fd, length);                                    \
  }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define SYNC(name)                                                                                 \
  int name(int fd) {                                                                               \
    if (control != NULL && strikes(fd, control->sync_permille, &control->struck_syncs)) return fail(); \
    return REAL(name)(fd);                                                                         \
  }
SYNC(fsync)
SYNC(fdatasync)

static int64_t clock_offset(void) {
  if (control == NULL || control->clock_offset_ms == 0) return 0;
  control->struck_clocks = 1;
  return control->clock_offset_ms;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int result = REAL(clock_gettime)(clock, now);
  int64_t offset = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ? clock_offset() : 0;
  if (result != 0 || offset == 0) return result;
  int64_t nanoseconds = (int64_t)now->tv_sec * 1000000000 + now->tv_nsec + offset * 1000000;
  now->tv_sec = nanoseconds / 1000000000;
  now->tv_nsec = nanoseconds % 1000000000;
  return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  int result = REAL(gettimeofday)(now, zone);
  int64_t offset = clock_offset();
  if (result != 0 || offset == 0) return result;
  int64_t micros = (int64_t)now->tv_sec * 1000000 + now->tv_usec + offset * 1000;
  now->tv_sec = micros / 1000000;
  now->tv_usec = micros % 1000000;
  return 0;
}

time_t time(time_t *target) {
  time_t now = REAL(time)(NULL) + clock_offset() / 1000;
  if (target != NULL) *target = now;
  return now;
}
