/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded into regentd it lets it start in another boot: the one that REGENT_TEST_BOOT names. What
 * a reboot takes from memory is for the test to take away.
 */

#include <stdlib.h>
#include <systemd/sd-id128.h>

int sd_id128_get_boot(sd_id128_t *ret_boot_id)
{
        return sd_id128_from_string(getenv("REGENT_TEST_BOOT"), ret_boot_id);
}
