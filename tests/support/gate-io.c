/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Gate Io
 */

#include "support/gate-io.h"

static void pass(GateIo *gate)
{
        g_mutex_lock(&gate->mutex);
        gate->n_waiting++;
        g_cond_broadcast(&gate->changed);
        while (gate->is_shut)
                g_cond_wait(&gate->changed, &gate->mutex);
        gate->n_waiting--;
        g_mutex_unlock(&gate->mutex);
}

static ssize_t gate_pwrite(
        void *userdata, int fd, const void *buffer, size_t n_bytes, uint64_t offset)
{
        GateIo *gate = userdata;

        if (n_bytes >= gate->n_bytes_min)
                pass(gate);
        return io_pwrite(io_system(), fd, buffer, n_bytes, offset);
}

static int gate_fdatasync(void *userdata, int fd)
{
        pass(userdata);
        return io_fdatasync(io_system(), fd);
}

static void gate_init(GateIo *gate)
{
        *gate = (GateIo){ .io = *io_system() };
        g_mutex_init(&gate->mutex);
        g_cond_init(&gate->changed);
        gate->io.userdata = gate;
}

void gate_io_init_for_writes(GateIo *gate, size_t n_bytes_min)
{
        gate_init(gate);
        gate->n_bytes_min = n_bytes_min;
        gate->io.pwrite = gate_pwrite;
}

void gate_io_init_for_syncs(GateIo *gate)
{
        gate_init(gate);
        gate->io.fdatasync = gate_fdatasync;
}

void gate_io_set(GateIo *gate, bool is_shut)
{
        g_mutex_lock(&gate->mutex);
        gate->is_shut = is_shut;
        g_cond_broadcast(&gate->changed);
        g_mutex_unlock(&gate->mutex);
}

bool gate_io_has_waiting(GateIo *gate)
{
        bool has_waiting;

        g_mutex_lock(&gate->mutex);
        has_waiting = gate->n_waiting > 0;
        g_mutex_unlock(&gate->mutex);
        return has_waiting;
}

void gate_io_wait_for_one(GateIo *gate)
{
        g_mutex_lock(&gate->mutex);
        while (gate->n_waiting == 0)
                g_cond_wait(&gate->changed, &gate->mutex);
        g_mutex_unlock(&gate->mutex);
}
