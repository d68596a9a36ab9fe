/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * print-limits: the table of core/limits.h as text, for the tests that hold documents against it
 *
 * A line a limit: name, default, minimum, maximum. A limit that is no setting has no range.
 */

#include "core/limits.h"

#include <inttypes.h>
#include <stdio.h>

static void print_setting(const char *setting,
                          uint64_t standard,
                          uint64_t minimum,
                          uint64_t maximum)
{
        printf("%s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", setting, standard, minimum, maximum);
}

int main(void)
{
        printf("namespace-name %u\n", LIMIT_NAMESPACE_NAME_BYTES);
        printf("key %u\n", LIMIT_KEY_BYTES);
        printf("type %u\n", LIMIT_TYPE_BYTES);
        printf("depth %u\n", LIMIT_VALUE_DEPTH);
        printf("reason %u\n", LIMIT_REASON_BYTES);
        printf("veto %u\n", LIMIT_VETO_BYTES);
        printf("path %u\n", LIMIT_PATH_BYTES);
        printf("answer-usec %u\n", LIMIT_ANSWER_USEC);
        printf("preparation-usec %u\n", LIMIT_PREPARATION_USEC);
        printf("release %u\n", LIMIT_RELEASE_BYTES);
        printf("namespace-releases %u\n", LIMIT_NAMESPACE_RELEASES);
        printf("commit-namespaces %u\n", LIMIT_COMMIT_NAMESPACES);
        printf("confirm-usec %" PRIu64 "\n", LIMIT_CONFIRM_USEC);
        printf("commit-elements %u\n", LIMIT_COMMIT_ELEMENTS);
        printf("unsure-elements %u\n", LIMIT_UNSURE_ELEMENTS);
        printf("history-changes %u\n", LIMIT_HISTORY_CHANGES);
        printf("history-keys %u\n", LIMIT_HISTORY_KEYS);
        printf("unsynced-bytes %u\n", LIMIT_UNSYNCED_BYTES);
        printf("declaration-files %u\n", LIMIT_DECLARATION_FILES);
        printf("declaration-file-bytes %u\n", LIMIT_DECLARATION_FILE_BYTES);
        printf("declaration-errors %u\n", LIMIT_DECLARATION_ERRORS);
        printf("declaration-keys %u\n", LIMIT_DECLARATION_KEYS);
        printf("declaration-patterns %u\n", LIMIT_DECLARATION_PATTERNS);

#define PRINT_SETTING(field, setting, standard, minimum, maximum) \
        print_setting(setting, standard, minimum, maximum);
        LIMITS_TABLE(PRINT_SETTING)
#undef PRINT_SETTING

        return 0;
}
