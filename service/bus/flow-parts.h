/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Parts of flow control
 *
 * For bus/flow.c and its neighbours alone.
 */

#include "bus/flow.h"
#include "bus/receipts.h"

struct Flow {
        BusService *service;
        Ledger *ledger, *of_channels;
        Receipts *receipts;
        uint64_t solicited_usec;
        uint64_t n_refused, n_unanswered;
};
