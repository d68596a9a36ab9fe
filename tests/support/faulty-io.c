/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Faulty Io
 */

#include "support/faulty-io.h"

#include <errno.h>

typedef enum Verdict {
        DO,
        FAIL,
        DO_HALF,          /* and say so */
        DO_HALF_AND_FAIL, /* a write half, others whole */
} Verdict;

static Verdict judge_later(const FaultyIo *faulty)
{
        if (faulty->kind == FAULT_SHORTS)
                return DO_HALF;
        return faulty->kind >= FAULT_ERRORS ? FAIL : DO;
}

static Verdict judge(FaultyIo *faulty, FaultyCall call)
{
        gint n;

        if (faulty->calls != 0 && !(faulty->calls & call))
                return DO;
        n = g_atomic_int_add(&faulty->n_calls, 1) + 1;
        if (faulty->kind == FAULT_NONE || n < faulty->at)
                return DO;
        if (n > faulty->at)
                return judge_later(faulty);

        switch (faulty->kind) {
        case FAULT_SHORT:
        case FAULT_SHORTS:
                return DO_HALF;
        case FAULT_LATE_ERROR:
        case FAULT_CRASH_TORN:
                return DO_HALF_AND_FAIL;
        case FAULT_NONE:
        case FAULT_ERROR:
        case FAULT_ERRORS:
        case FAULT_CRASH:
                break;
        }
        return FAIL;
}

/* A call that cannot be done by half: whether to do it, and what to say then. */
#define FAULTY_CALL(faulty, kind_, call)                                                    \
        do {                                                                                \
                Verdict verdict = judge(faulty, kind_);                                     \
                int r = (faulty)->error;                                                    \
                                                                                            \
                if (verdict == DO)                                                          \
                        r = (call);                                                         \
                else if (verdict == DO_HALF_AND_FAIL && (faulty)->kind == FAULT_LATE_ERROR) \
                        (void) (call);                                                      \
                return r;                                                                   \
        } while (0)

static int faulty_openat(void *userdata, int dir_fd, const char *path, int flags, mode_t mode)
{
        FaultyIo *faulty = userdata;

        /* Never by half: the descriptor would be lost. */
        if (judge(faulty, FAULTY_OPEN) != DO)
                return faulty->error;
        return io_openat(faulty->base, dir_fd, path, flags, mode);
}

static ssize_t faulty_pread(void *userdata, int fd, void *buffer, size_t n_bytes, uint64_t offset)
{
        FaultyIo *faulty = userdata;
        Verdict verdict = judge(faulty, FAULTY_OTHER);

        if (verdict == DO_HALF)
                return io_pread(faulty->base, fd, buffer, (n_bytes + 1) / 2, offset);
        return verdict == DO ? io_pread(faulty->base, fd, buffer, n_bytes, offset) : faulty->error;
}

static ssize_t faulty_pwrite(
        void *userdata, int fd, const void *buffer, size_t n_bytes, uint64_t offset)
{
        FaultyIo *faulty = userdata;
        Verdict verdict = judge(faulty, FAULTY_WRITE);
        ssize_t n;

        if (verdict == DO)
                return io_pwrite(faulty->base, fd, buffer, n_bytes, offset);
        if (verdict == FAIL)
                return faulty->error;

        n = io_pwrite(faulty->base, fd, buffer, n_bytes / 2, offset);
        return verdict == DO_HALF ? n : faulty->error;
}

static int faulty_fdatasync(void *userdata, int fd)
{
        FaultyIo *faulty = userdata;

        FAULTY_CALL(faulty, FAULTY_SYNC, io_fdatasync(faulty->base, fd));
}

static int faulty_fsync(void *userdata, int fd)
{
        FaultyIo *faulty = userdata;

        FAULTY_CALL(faulty, FAULTY_SYNC, io_fsync(faulty->base, fd));
}

static int faulty_renameat(void *userdata, int from_fd, const char *from, int to_fd, const char *to)
{
        FaultyIo *faulty = userdata;

        FAULTY_CALL(faulty, FAULTY_RENAME, io_renameat(faulty->base, from_fd, from, to_fd, to));
}

static int faulty_linkat(void *userdata, int from_fd, const char *from, int to_fd, const char *to)
{
        FaultyIo *faulty = userdata;

        FAULTY_CALL(faulty, FAULTY_LINK, io_linkat(faulty->base, from_fd, from, to_fd, to));
}

static int faulty_unlinkat(void *userdata, int dir_fd, const char *path)
{
        FaultyIo *faulty = userdata;

        FAULTY_CALL(faulty, FAULTY_UNLINK, io_unlinkat(faulty->base, dir_fd, path));
}

static int faulty_mkdirat(void *userdata, int dir_fd, const char *path, mode_t mode)
{
        FaultyIo *faulty = userdata;

        FAULTY_CALL(faulty, FAULTY_OTHER, io_mkdirat(faulty->base, dir_fd, path, mode));
}

static int faulty_fstat(void *userdata, int fd, struct stat *ret_stat)
{
        FaultyIo *faulty = userdata;

        FAULTY_CALL(faulty, FAULTY_OTHER, io_fstat(faulty->base, fd, ret_stat));
}

static int faulty_fallocate(void *userdata, int fd, uint64_t offset, uint64_t n_bytes)
{
        FaultyIo *faulty = userdata;

        FAULTY_CALL(faulty, FAULTY_ALLOCATE, io_fallocate(faulty->base, fd, offset, n_bytes));
}

static int faulty_write_out(
        void *userdata, int fd, uint64_t offset, uint64_t n_bytes, bool is_awaited)
{
        FaultyIo *faulty = userdata;

        FAULTY_CALL(faulty, FAULTY_WRITE_OUT,
                    io_write_out(faulty->base, fd, offset, n_bytes, is_awaited));
}

static int faulty_lock(void *userdata, int fd)
{
        FaultyIo *faulty = userdata;

        FAULTY_CALL(faulty, FAULTY_OTHER, io_lock(faulty->base, fd));
}

static int faulty_list(void *userdata, int dir_fd, GPtrArray *names)
{
        FaultyIo *faulty = userdata;

        FAULTY_CALL(faulty, FAULTY_OTHER, io_list(faulty->base, dir_fd, names));
}

void faulty_io_init(FaultyIo *faulty, const Io *base)
{
        *faulty = (FaultyIo){
                .io = {
                        .openat = faulty_openat,
                        .pread = faulty_pread,
                        .pwrite = faulty_pwrite,
                        .fdatasync = faulty_fdatasync,
                        .fsync = faulty_fsync,
                        .renameat = faulty_renameat,
                        .linkat = faulty_linkat,
                        .unlinkat = faulty_unlinkat,
                        .mkdirat = faulty_mkdirat,
                        .fstat = faulty_fstat,
                        .fallocate = faulty_fallocate,
                        .write_out = faulty_write_out,
                        .lock = faulty_lock,
                        .list = faulty_list,
                        .userdata = faulty,
                },
                .base = base,
                .error = -EIO,
        };
}

void faulty_io_arm(FaultyIo *faulty, FaultKind kind, int at)
{
        faulty->kind = kind;
        faulty->at = at;
        g_atomic_int_set(&faulty->n_calls, 0);
}

bool faulty_io_has_struck(FaultyIo *faulty)
{
        return g_atomic_int_get(&faulty->n_calls) >= faulty->at;
}
