#pragma once
// What the device is, as plain values: the status page, the metrics, the features and the tests all read this
// object. One writer per part (Writer<&DeviceState::links>, …). Facts only; requests are calls.

#include "core/observable.hpp"
#include "core/result.hpp"
#include "core/slot.hpp"
#include "core/time.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace core {

// Fixed for the life of the process. Written by main.
struct Identity {
    std::string board;
    std::string compatible;
    std::string version;      // of the running slot: recorded at commit, os-release before the first
    std::string controller;   // atomixd's own version
    Slot slot = Slot::a;      // the booted one
    std::string boot_id;      // changes with every boot
    TimePoint started{};      // when this process started
    std::string model;        // what the maker calls the board, and this one of it; empty: nobody says
    std::string serial;
    bool operator==(Identity const&) const = default;
};

// Written by main: which operator's document is in force, and what is wrong with the others.
struct ConfigState {
    enum class Source { operator_document, last_accepted, built_in };
    Source source = Source::built_in;
    std::vector<std::string> problems;   // "atomix.yaml:14:17: key: what is wrong"
    bool other_slot_accepts = false;     // the very text of the operator's that is refused here
    bool refuses_other_slots = false;    // and what the other slot accepted last, and may run on, as well
    std::optional<Slot> accepted_by;     // last_accepted: whose copy is in force
    bool operator==(ConfigState const&) const = default;
};
// The operator has written a document, and what is in force is another one.
bool is_refused(ConfigState const& config) noexcept;

// One network interface, as the kernel tells it. Written by net::LinkMonitor.
struct Link {
    std::string name;
    bool present = false;
    bool carrier = false;                 // down at once, up after it has held
    std::string mac;                      // "00:11:22:33:44:55"
    std::vector<std::string> addresses;   // IPv4, CIDR notation
    std::string error;                    // why the wanted address could not be set
    std::optional<int> speed_mbit;        // with a carrier, where the driver tells
    bool up = false;                      // switched on by this side: no carrier then means no cable
    bool operator==(Link const&) const = default;
};
struct DefaultRoute {
    std::string gateway;   // IPv4; empty: the link itself
    std::string interface;
    bool operator==(DefaultRoute const&) const = default;
};
struct Links {
    Link wan;
    Link lan;
    std::vector<Link> further;                   // those of the operator's document
    std::optional<DefaultRoute> default_route;   // the one that is used
    bool operator==(Links const&) const = default;
};

// Whether the operator's wishes for WAN and further interfaces are in force. Written by net::Networkd or
// net::WanClient.
struct NetworkSetup {
    bool applied = false;
    std::string error;
    bool operator==(NetworkSetup const&) const = default;
};

// The name servers that this device asks itself. Written by net::ResolverWatcher.
struct Resolver {
    std::vector<std::string> servers;
    std::vector<std::string> search;
    bool operator==(Resolver const&) const = default;
};

// What the LAN may reach of the gateway: the services that every LAN has, these and the operator's ports, or
// everything.
enum class LanAccess { required, listed, open };

// Written by net::Firewall.
struct FirewallState {
    bool applied = false;      // the kernel's table was read back and is ours
    bool ssh_on_wan = false;   // as applied, like the next two
    bool bootstrap_on_wan = false;
    LanAccess lan = LanAccess::required;
    std::string error;   // nft's words, truncated, or what does not stay as it was applied
    std::uint64_t transactions = 0;
    std::uint64_t repairs = 0;   // how often the table was found changed by another program
    bool operator==(FirewallState const&) const = default;
};

// IP forwarding, IPv4 and IPv6. Written by net::Forwarding.
struct Forwarding {
    bool off = false;   // every switch was read and is 0
    std::string error;
    std::uint64_t switched_off = 0;   // how often something was found switched on
    bool operator==(Forwarding const&) const = default;
};

// Written by core::ServiceHost.
struct Service {
    bool running = false;
    int pid = 0;
    unsigned starts = 0;   // since this process began; a restart inside a trial's window fails it
    std::string error;     // why it is not running
    // Another one with each run, where the owner tells (systemd's InvocationID): a restart between two looks
    // of ours shows here.
    std::string invocation;
    bool operator==(Service const&) const = default;
};
using Services = std::map<std::string, Service>;

// One host of the LAN, as dnsmasq wrote it down. Written by net::LeaseWatcher.
struct Lease {
    std::string address;   // IPv4
    std::string mac;
    std::string name;                  // what the host calls itself; empty: nothing, or no DNS name
    std::optional<WallTime> expires;   // nothing: never
    bool operator==(Lease const&) const = default;
};
struct Leases {
    std::vector<Lease> known;
    std::size_t left_out = 0;   // those above the number that is shown
    bool operator==(Leases const&) const = default;
};

// Names of the flag files present under <data>/config. Written by config::FlagWatcher.
using Flags = std::set<std::string>;

// Written by health::Monitor.
enum class Verdict { none, wait, commit, roll_back };

// What a probe's reading counts for. Excused: it was failing before the update already.
enum class Weight { required, wanted, excused };

struct Reading {
    std::string probe;
    bool good = false;
    Weight weight = Weight::required;
    std::string detail;                  // "172.20.30.1 answered in 1 ms", "no answer within 1 s"
    std::optional<std::int64_t> value;   // where there is a number, in `unit`
    std::string unit;                    // "ms", "bytes"
    bool warning = false;                // good, and a person should look: `detail` says why
    bool cable_out = false;              // bad for no other reason than that an interface has no carrier
    TimePoint since{};                   // when it became good or bad
    struct Failure {
        std::string detail;
        TimePoint at{};
        bool operator==(Failure const&) const = default;
    };
    std::optional<Failure> last_failure;   // in this run of the program
    bool operator==(Reading const&) const = default;
};

// Of a slot that is not on trial. One bad round degrades, two in a row of a required probe are a failure.
enum class Condition { unknown, good, degraded, failed };

struct Health {
    Verdict verdict = Verdict::none;
    std::string reason;   // for wait and roll_back: one sentence
    std::vector<Reading> readings;
    Duration healthy_for{};   // how long every required probe has held
    Condition condition = Condition::unknown;
    bool operator==(Health const&) const = default;
};

// What the probes said before an update: names, each in one list or in none (not asked, or off).
struct Baseline {
    std::vector<std::string> failing;
    std::vector<std::string> good;
    bool operator==(Baseline const&) const = default;
};

// The boots of this device, as far as its files tell. Written by main.
struct Boots {
    std::string reason;                 // of this boot, where the board knows it; empty: it does not
    unsigned unexpected = 0;            // boots after one that did not end in order, outside trials
    unsigned unexpected_in_trial = 0;   // the same, of a slot on trial
    bool operator==(Boots const&) const = default;
};

// Written by ota.
enum class Phase { idle, offered, downloading, written, activated, trial, committed, rolled_back };
struct Outcome {
    std::string version;
    std::string reason;
    std::string at;   // wall time, as good as the device knew it
    bool operator==(Outcome const&) const = default;
};
// How the update server could be reached last, by a poll or for a probe.
struct ServerContact {
    TimePoint at{};
    unsigned status = 0;          // of HTTP; 0: no answer
    std::optional<Error> error;   // why there is none
    bool operator==(ServerContact const&) const = default;
};
struct Update {
    Phase phase = Phase::idle;
    std::string version;            // of the offer or trial; empty when idle
    std::uint64_t done_bytes = 0;   // of the bundle, verified and written
    std::uint64_t total_bytes = 0;
    std::uint64_t fetched_bytes = 0;   // of done_bytes: from the network, the others were here already
    std::string error;                 // why the last poll or install ended without one; empty after success
    std::string last_poll;             // wall time
    std::string note;                  // what is waited for, or what was noticed at start
    std::string judged_at;             // which time certificates are judged at: "wall clock" or "floor"
    std::optional<Outcome> last_commit;
    std::optional<Outcome> last_rollback;
    std::vector<std::string> rejected;   // versions in the ledger
    std::vector<std::string> problems;   // standing ones of this start: state files set aside, a fallback
    Baseline baseline;                   // for a trial
    std::optional<TimePoint> trial_started;
    std::optional<int> attempts_left;   // of the running slot, as the boot environment was read last
    std::optional<ServerContact> server;
    bool operator==(Update const&) const = default;
};

// The hardware watchdog. Written by health::Watchdog.
struct WatchdogState {
    bool armed = false;
    std::string device;                // which one: "/dev/watchdog0"
    std::string identity;              // the driver's words
    std::optional<Duration> timeout;   // as read back
    bool trusted = false;              // it was seen to count
    std::string note;                  // why it is not armed or not trusted
    bool reset_us = false;             // it is what ended the boot before
    bool operator==(WatchdogState const&) const = default;
};

// One container of the operator's document, by the name it has there: its unit, as systemd says, and what
// podman says of it. Written by health::ContainerHost.
struct Container {
    bool rootful = false;
    bool required = false;    // activation.required
    std::string unit;         // ActiveState of its service: "active", "failed", …; empty: no such unit
    std::string invocation;   // of the unit; another one with each start
    unsigned starts = 0;      // of the unit, since this process began
    std::string state;        // podman's word: "running", "exited", …; empty: podman does not know it
    std::string health;       // "healthy", "unhealthy", "starting"; empty: it has no health check
    unsigned restarts = 0;    // by podman's count
    std::string image;        // as the document names it
    std::string image_id;     // what that is here
    std::string error;        // why it does not run, or could not be asked
    bool operator==(Container const&) const = default;
};
struct Containers {
    bool applied = false;   // the units are as the document wants them
    std::map<std::string, Container> known;
    std::string rootful_podman_error;    // why root's podman cannot be asked; empty: it answered
    std::string rootless_podman_error;   // the same of the app user's
    std::vector<std::string> errors;     // what could not be brought about
    std::vector<std::string> warnings;   // about the document: what is rendered otherwise than it says
    bool operator==(Containers const&) const = default;
};

struct DeviceState {
    Identity identity;
    ConfigState config;
    Links links;
    NetworkSetup network;
    Resolver resolver;
    FirewallState firewall;
    Forwarding forwarding;
    Services services;
    Leases leases;
    Flags flags;
    Health health;
    Update update;
    Boots boots;
    WatchdogState watchdog;
    Containers containers;
    bool serving = false;   // clients can connect to the status page. Written by main
    bool operator==(DeviceState const&) const = default;
};

using StateBus = Observable<DeviceState>;

char const* name(Phase phase) noexcept;
char const* name(Verdict verdict) noexcept;
char const* name(Weight weight) noexcept;
char const* name(Condition condition) noexcept;
char const* name(LanAccess access) noexcept;
char const* name(ConfigState::Source source) noexcept;

}   // namespace core
