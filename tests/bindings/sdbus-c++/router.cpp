// SPDX-License-Identifier: LGPL-2.1-or-later
// A router that keeps its settings in Regent, in C++ with code that sdbus-c++-xml2cpp writes from the interface.
//
// $ sdbus-c++-xml2cpp /usr/share/dbus-1/interfaces/org.regentd.State1.Namespace.xml --proxy=namespace.h
// $ g++ -std=c++17 -o router router.cpp $(pkg-config --cflags --libs sdbus-c++)

#include "namespace.h"

#include <algorithm>
#include <iostream>

using Namespace = org::regentd::State1::Namespace_proxy;
using Properties = sdbus::Properties_proxy;
using Values = std::map<std::string, sdbus::Variant>;

const std::string service = "org.regentd.State1";
const std::string path = "/org/regentd/State1/ns/org/example/Router";

class Router : public sdbus::ProxyInterfaces<Namespace, Properties> {
public:
        explicit Router(sdbus::IConnection &bus) : ProxyInterfaces(bus, service, path), bus_(bus)
        {
        }

        ~Router()
        {
                unregisterProxy();
        }

        void start()
        {
                write_defaults();
                registerProxy(); // from here on onPropertiesChanged() is called
                std::cout << "mtu is " << Properties::Get(service + ".Values", "mtu").get<uint32_t>() << std::endl;
                Namespace::Set("status", std::string("running"));
        }

private:
        // Several keys in one commit, here only as long as there is no mtu.
        void write_defaults()
        try {
                const Values expect = { { "mtu", uint64_t(0) } };
                auto [revision, result] = Apply(
                        { { "mtu", uint32_t(1500) },
                          { "peers", std::vector<std::string>{ "fe80::1", "fe80::2" } } },
                        {}, 0, { { "expect", expect } });
                std::cout << "defaults written, keys: " << result["changed"].get<uint32_t>() << std::endl;
        } catch (const sdbus::Error &error) {
                if (error.getName() != service + ".Error.Conflict")
                        throw;
                std::cout << "settings found" << std::endl;
        }

        void onPropertiesChanged(const std::string &, const Values &changed,
                                 const std::vector<std::string> &invalidated) override
        {
                if (auto mtu = changed.find("mtu"); mtu != changed.end())
                        std::cout << "mtu is now " << mtu->second.get<uint32_t>() << std::endl;
                if (std::find(invalidated.begin(), invalidated.end(), "peers") != invalidated.end())
                        std::cout << "peers: gone, or too large for a signal" << std::endl;
                if (auto enabled = changed.find("enabled"); enabled != changed.end() && !enabled->second.get<bool>())
                        bus_.leaveEventLoop();
        }

        // Those who Watch get these; the generated class wants them in any case.
        void onChanged(const uint64_t &, const std::string &, const uint64_t &, const uint64_t &, const Values &,
                       const std::vector<std::string> &, const std::vector<std::string> &) override
        {
        }

        void onResynchronize(const uint64_t &, const std::string &, const uint64_t &) override
        {
        }

        void onWatchEnded(const uint64_t &, const std::string &, const std::string &) override
        {
        }

        sdbus::IConnection &bus_;
};

int main()
{
        auto bus = sdbus::createSystemBusConnection();
        Router router(*bus);

        router.start();
        bus->enterEventLoop();
}
