/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Outcomes
 *
 * What core says to a request that is not simply done. One enum for the whole layer, because a
 * request passes through several of its modules and its answer is given a D-Bus name in one table
 * (bus/bus-error.c). Functions of core return a negative errno, 0, or one of these.
 */

typedef enum Outcome {
        CORE_E_NO_SUCH_NAMESPACE = 1,
        CORE_E_NAMESPACE_EXISTS,
        CORE_E_NAMESPACE_NOT_EMPTY,
        CORE_E_NO_SUCH_KEY,
        CORE_E_KEY_EXISTS,
        CORE_E_INVALID_NAME,
        CORE_E_INVALID_VALUE,
        CORE_E_INVALID_ARGUMENT,
        CORE_E_TOO_BIG,
        CORE_E_QUOTA_EXCEEDED,
        CORE_E_CONFLICT,
        CORE_E_READ_ONLY,
        CORE_E_DISK_FULL,
        CORE_E_BUSY,
        CORE_E_VETOED,
        CORE_E_TIMEOUT,
        CORE_E_NOT_CONFIRMED,
        CORE_E_OUTCOME_UNKNOWN,
        CORE_E_HISTORY_LOST,
        CORE_E_TOO_MANY_CHANGES,
} Outcome;
