#!/usr/bin/gjs
// SPDX-License-Identifier: LGPL-2.1-or-later
// A router that keeps its settings in Regent, in JavaScript. Its proxy keeps the keys at hand, and follows them.

const {Gio, GLib} = imports.gi;

const SERVICE = 'org.regentd.State1';
const PATH = '/org/regentd/State1/ns/org/example/Router';
const INTERFACES = '/usr/share/dbus-1/interfaces';

function proxy(name) {
    const [, xml] = GLib.file_get_contents(`${INTERFACES}/${name}.xml`);
    const Proxy = Gio.DBusProxy.makeProxyWrapper(new TextDecoder().decode(xml));
    return new Proxy(Gio.DBus.system, SERVICE, PATH);
}

const loop = new GLib.MainLoop(null, false);
const router = proxy(`${SERVICE}.Namespace`);

// Several keys in one commit, here only as long as there is no mtu.
try {
    const defaults = {mtu: new GLib.Variant('u', 1500), peers: new GLib.Variant('as', ['fe80::1', 'fe80::2'])};
    const expect = new GLib.Variant('a{sv}', {mtu: new GLib.Variant('t', 0)});
    const [revision, result] = router.ApplySync(defaults, [], 0, {expect});
    print(`defaults written, keys: ${result.changed.unpack()}`);
} catch (error) {
    if (Gio.DBusError.get_remote_error(error) !== `${SERVICE}.Error.Conflict`)
        throw error;
    print('settings found');
}

const values = proxy(`${SERVICE}.Values`);
values.connect('g-properties-changed', (_values, changed, invalidated) => {
    const {mtu, enabled} = changed.recursiveUnpack();
    if (mtu !== undefined)
        print(`mtu is now ${mtu}`);
    if (invalidated.includes('peers'))
        print('peers: gone, or too large for a signal');
    if (enabled === false)
        loop.quit();
});
print(`mtu is ${values.get_cached_property('mtu').unpack()}`);
router.SetSync('status', new GLib.Variant('s', 'running'));
loop.run();
