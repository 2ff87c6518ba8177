// A disk that fails on demand: a library for LD_PRELOAD that stands before the
// calls by which files below one folder are read and written.
//
// FAULTY_DISK_FOLDER is the folder, FAULTY_DISK_CONTROL a file that both sides
// map: whoever writes into it has the disk fail, or work again, at once. Calls
// that work are passed on unchanged.
//
// A kernel that could not write pages back says so to the next sync alone: the one
// after it succeeds. The pages may be gone with the next eviction, or power cut. So
// with FORGETS, what was written since the last sync that succeeded is gone once a
// sync fails: of the log at once, for nobody reads it before it is synced; of the
// database once the other side says EVICTS, unless it was written again.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum operation { WRITE = 1, SYNC = 2, SIZE = 4, READ = 8 };
enum memory { FORGETS = 1, EVICTS = 2 };
enum file { DATABASE = 0, LOG = 1, INDEX = 2, OTHER = 3, FILES = 4, FOREIGN = -1 };

// As faulty_disk.mjs writes it.
struct control {
  volatile uint32_t error;       // an errno, 0 while the disk works
  volatile uint32_t operations;  // a bit each
  volatile uint32_t files;       // a bit each
  volatile uint32_t left;        // so many calls still fail, if it is not UINT32_MAX
  volatile uint32_t memory;      // a bit each
  volatile uint32_t failed;      // so many calls have failed
};

// What a write has covered up, the newest first.
struct covered {
  struct covered *before;
  off_t offset, size_before;
  ssize_t length;
  char bytes[];
};

static struct control *control;
static char folder[PATH_MAX];
static size_t folder_length;
static struct covered *unsynced[FILES];
static struct covered *lost;
static int written_by[FILES] = {-1, -1, -1, -1};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(result, name, ...) \
  static result (*real_##name)(__VA_ARGS__); \
  static void find_##name(void) { real_##name = dlsym(RTLD_NEXT, #name); }
REAL(ssize_t, write, int, const void *, size_t)
REAL(ssize_t, writev, int, const struct iovec *, int)
REAL(ssize_t, pwrite64, int, const void *, size_t, off_t)
REAL(ssize_t, pwritev64, int, const struct iovec *, int, off_t)
REAL(ssize_t, read, int, void *, size_t)
REAL(ssize_t, pread64, int, void *, size_t, off_t)
REAL(int, fsync, int)
REAL(int, fdatasync, int)
REAL(int, ftruncate64, int, off_t)
REAL(int, fallocate64, int, int, off_t, off_t)

static void die(const char *what) {
  fprintf(stderr, "faulty disk: %s\n", what);
  abort();
}

__attribute__((constructor)) static void begin(void) {
  find_write(), find_writev(), find_pwrite64(), find_pwritev64(), find_read(), find_pread64();
  find_fsync(), find_fdatasync(), find_ftruncate64(), find_fallocate64();
  const char *where = getenv("FAULTY_DISK_FOLDER"), *path = getenv("FAULTY_DISK_CONTROL");
  if (!where || !path || !realpath(where, folder)) die("FAULTY_DISK_FOLDER or FAULTY_DISK_CONTROL is wrong");
  folder_length = strlen(folder);
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) die("the control file cannot be opened");
  control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (control == MAP_FAILED) die("the control file cannot be mapped");
  close(fd);
}

static int ends_with(const char *text, size_t length, const char *end) {
  size_t of_end = strlen(end);
  return length >= of_end && memcmp(text + length - of_end, end, of_end) == 0;
}

// Which file of the folder it is.
static enum file file_of(int fd) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path);
  if (length <= (ssize_t)folder_length || memcmp(path, folder, folder_length) || path[folder_length] != '/')
    return FOREIGN;
  if (ends_with(path, length, ".db")) return DATABASE;
  if (ends_with(path, length, ".db-wal")) return LOG;
  if (ends_with(path, length, ".db-shm")) return INDEX;
  return OTHER;
}

// Whether a call fails; errno says with what.
static int fails(enum file file, enum operation operation) {
  uint32_t error = control->error;
  if (!error || file == FOREIGN || !(control->operations & operation) || !(control->files & 1u << file)) return 0;
  uint32_t left = control->left;
  do {
    if (left == 0) return 0;
  } while (left != UINT32_MAX && !__atomic_compare_exchange_n(&control->left, &left, left - 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
  __atomic_add_fetch(&control->failed, 1, __ATOMIC_SEQ_CST);
  errno = error;
  return 1;
}

// Takes back what was written over these bytes.
static void take_back(int fd, struct covered *one) {
  if (one->length > 0 && real_pwrite64(fd, one->bytes, one->length, one->offset) != one->length)
    die("what was there before cannot be written back");
  struct stat status;
  if (fstat(fd, &status) == 0 && status.st_size > one->size_before && real_ftruncate64(fd, one->size_before))
    die("the file cannot be cut back");
}

// Evicts what was lost of the database.
static void evict(int fd, enum file file) {
  if (file != DATABASE || !(control->memory & EVICTS)) return;
  pthread_mutex_lock(&lock);
  for (struct covered *one; (one = lost); free(one)) {
    lost = one->before;
    take_back(fd, one);
  }
  pthread_mutex_unlock(&lock);
}

// Keeps what a write is about to cover up. What is written anew is not lost.
static void cover(int fd, enum file file, off_t offset, size_t length) {
  if (file != DATABASE && file != LOG) return;
  struct stat status;
  struct covered *one = malloc(sizeof *one + length);
  if (!one || fstat(fd, &status) < 0) die("there is no memory");
  one->offset = offset, one->size_before = status.st_size;
  one->length = real_pread64(fd, one->bytes, length, offset);
  pthread_mutex_lock(&lock);
  for (struct covered **each = &lost; file == DATABASE && *each;) {
    struct covered *old = *each;
    if (old->offset == offset) *each = old->before, free(old);
    else each = &old->before;
  }
  one->before = unsynced[file], unsynced[file] = one, written_by[file] = fd;
  pthread_mutex_unlock(&lock);
}

// Ends the time since the last sync; what was written in it is there, or gone. A
// kernel tells of a loss whoever has the file open; so that one who has not written
// need not be told, its syncs are no end and lose nothing. One at a time writes.
static void uncover(int fd, enum file file, int gone) {
  if (file != DATABASE && file != LOG) return;
  pthread_mutex_lock(&lock);
  struct covered **end = &lost;
  while (*end) end = &(*end)->before;
  while (unsynced[file] && written_by[file] == fd) {
    struct covered *one = unsynced[file];
    unsynced[file] = one->before;
    if (gone && file == DATABASE) {
      one->before = NULL, *end = one, end = &one->before;
      continue;
    }
    if (gone) take_back(fd, one);
    free(one);
  }
  pthread_mutex_unlock(&lock);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset) {
  enum file file = file_of(fd);
  if (fails(file, WRITE)) return -1;
  cover(fd, file, offset, length);
  return real_pwrite64(fd, bytes, length, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return pwrite64(fd, bytes, length, offset); }

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t offset) {
  enum file file = file_of(fd);
  if (fails(file, WRITE)) return -1;
  size_t length = 0;
  for (int part = 0; part < count; part++) length += parts[part].iov_len;
  cover(fd, file, offset, length);
  return real_pwritev64(fd, parts, count, offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) { return pwritev64(fd, parts, count, offset); }

ssize_t write(int fd, const void *bytes, size_t length) {
  enum file file = file_of(fd);
  if (fails(file, WRITE)) return -1;
  if (file != FOREIGN) cover(fd, file, lseek(fd, 0, SEEK_CUR), length);
  return real_write(fd, bytes, length);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  if (fails(file_of(fd), WRITE)) return -1;
  return real_writev(fd, parts, count);
}

ssize_t pread64(int fd, void *bytes, size_t length, off_t offset) {
  if (control->error || control->memory) {
    enum file file = file_of(fd);
    evict(fd, file);
    if (fails(file, READ)) return -1;
  }
  return real_pread64(fd, bytes, length, offset);
}

ssize_t pread(int fd, void *bytes, size_t length, off_t offset) { return pread64(fd, bytes, length, offset); }

ssize_t read(int fd, void *bytes, size_t length) {
  if (control->error && fails(file_of(fd), READ)) return -1;
  return real_read(fd, bytes, length);
}

static int sync_by(int (*real)(int), int fd) {
  enum file file = file_of(fd);
  if (fails(file, SYNC)) {
    int error = errno;
    if (control->memory & FORGETS) uncover(fd, file, 1);
    errno = error;
    return -1;
  }
  int result = real(fd);
  if (result == 0) uncover(fd, file, 0);
  return result;
}

int fsync(int fd) { return sync_by(real_fsync, fd); }

int fdatasync(int fd) { return sync_by(real_fdatasync, fd); }

int ftruncate64(int fd, off_t size) {
  if (fails(file_of(fd), SIZE)) return -1;
  return real_ftruncate64(fd, size);
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int fallocate64(int fd, int mode, off_t offset, off_t length) {
  if (fails(file_of(fd), SIZE)) return -1;
  return real_fallocate64(fd, mode, offset, length);
}

int fallocate(int fd, int mode, off_t offset, off_t length) { return fallocate64(fd, mode, offset, length); }

int posix_fallocate(int fd, off_t offset, off_t length) { return fallocate64(fd, 0, offset, length) < 0 ? errno : 0; }

int posix_fallocate64(int fd, off_t offset, off_t length) { return posix_fallocate(fd, offset, length); }
