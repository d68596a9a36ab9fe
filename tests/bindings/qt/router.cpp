// SPDX-License-Identifier: LGPL-2.1-or-later
// A router that keeps its settings in Regent, in C++ with Qt and code that qdbusxml2cpp writes from the interface.
//
// $ qdbusxml2cpp -m -c Namespace -p namespace /usr/share/dbus-1/interfaces/org.regentd.State1.Namespace.xml
// $ moc -o namespace.moc namespace.h
// $ moc -o router.moc router.cpp
// $ g++ -fPIC -o router router.cpp namespace.cpp $(pkg-config --cflags --libs Qt5DBus)

#include "namespace.h"

#include <QCoreApplication>
#include <QTextStream>

const QString service = "org.regentd.State1";
const QString path = "/org/regentd/State1/ns/org/example/Router";

class Router : public QObject {
        Q_OBJECT

public:
        bool start()
        {
                auto bus = QDBusConnection::systemBus();

                if (!write_defaults())
                        return false;
                bus.connect(service, path, "org.freedesktop.DBus.Properties", "PropertiesChanged",
                            this, SLOT(on_changed(QString, QVariantMap, QStringList)));
                QDBusReply<QDBusVariant> mtu = state.Get("mtu");
                if (!mtu.isValid())
                        return refuse(mtu.error());
                out << "mtu is " << mtu.value().variant().toUInt() << Qt::endl;
                QDBusReply<qulonglong> revision = state.Set("status", QDBusVariant("running"));
                return revision.isValid() || refuse(revision.error());
        }

private slots:
        void on_changed(const QString &, const QVariantMap &changed, const QStringList &invalidated)
        {
                if (changed.contains("mtu"))
                        out << "mtu is now " << changed["mtu"].toUInt() << Qt::endl;
                if (invalidated.contains("peers"))
                        out << "peers: gone, or too large for a signal" << Qt::endl;
                if (!changed.value("enabled", true).toBool())
                        QCoreApplication::quit();
        }

private:
        // Several keys in one commit, here only as long as there is no mtu.
        bool write_defaults()
        {
                const QVariantMap defaults = { { "mtu", 1500u }, { "peers", QStringList{ "fe80::1", "fe80::2" } } };
                const QVariantMap expect = { { "mtu", qulonglong(0) } };
                auto reply = state.Apply(defaults, {}, 0, { { "expect", expect } });

                reply.waitForFinished();
                if (reply.isValid())
                        out << "defaults written, keys: " << reply.argumentAt<1>()["changed"].toUInt() << Qt::endl;
                else if (reply.error().name() == service + ".Error.Conflict")
                        out << "settings found" << Qt::endl;
                else
                        return refuse(reply.error());
                return true;
        }

        bool refuse(const QDBusError &error)
        {
                QTextStream(stderr) << "router: " << error.message() << Qt::endl;
                return false;
        }

        Namespace state{ service, path, QDBusConnection::systemBus() };
        QTextStream out{ stdout };
};

int main(int argc, char **argv)
{
        QCoreApplication application(argc, argv);
        Router router;

        return router.start() ? application.exec() : 1;
}

#include "router.moc"
