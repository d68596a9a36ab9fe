/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Target
 *
 * The state directory that is to be changed. What changes it does so as the user it belongs to: files
 * of root's in it would be closed to regentd, and a directory that somebody else may write to is no
 * place to follow names in as root.
 */

/*
 * Makes sure that @path is a state directory, or empty, and makes this process its owner, for good.
 * Files to be read with root's rights must be open. 0, or -EPROTO: the failure has been told.
 */
int target_take(const char *path);
