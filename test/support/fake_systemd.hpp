#pragma once
// A systemd that a test scripts: units are made of the Quadlet files of ours in a directory whenever it reads
// them.

#include "core/units.hpp"
#include "health/unit_files.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <set>

namespace test {

class FakeSystemd {
public:
    FakeSystemd(core::asio::io_context& io, std::filesystem::path files)
        : files_{std::move(files)}, news_{io, core::asio::steady_timer::time_point::max()} {}

    std::vector<std::string> orders;               // "start web.service", "reload", in their order
    std::set<std::string> broken;                  // units whose starts fail
    std::set<std::string> idle;                    // units whose starts are taken, and nothing comes of it
    std::set<std::string> starting;                // units whose starts take until set() is called
    std::set<std::string> slow;                    // units whose stops take until end() is called
    std::set<std::string> without_unit;            // services that the generator makes nothing of
    std::map<std::string, std::string> refusals;   // "start web.service" -> systemd's words
    bool gone = false;                             // every question fails

    core::UnitState& unit(std::string const& name) {
        auto& unit = units_[name];
        if (unit.active.empty()) unit = {.load = "not-found", .active = "inactive", .sub = "dead"};
        return unit;
    }
    void set(std::string const& name, std::string const& active) {
        auto& changed = unit(name);
        changed.load = "loaded";
        changed.active = active;
        changed.sub = active == "active" ? "running" : "dead";
        changed.pid = active == "active" ? 77 : 0;
        if (active == "active") changed.invocation = "run-" + std::to_string(++runs_);
        tell();
    }
    void end(std::string const& name) { set(name, "inactive"); }
    void tell() {
        ++changes_;
        news_.cancel();
    }
    std::vector<std::string> take_orders() { return std::exchange(orders, {}); }

    std::unique_ptr<core::Units> connection() { return std::make_unique<Connection>(*this); }

private:
    class Connection final : public core::Units {
    public:
        explicit Connection(FakeSystemd& to) : to_{to}, seen_{to.changes_} {}

        core::Result<void> watch(std::string const&) override { return {}; }
        core::Task<core::Result<void>> changed() override {
            while (seen_ == to_.changes_ && !to_.gone)
                co_await to_.news_.async_wait(core::asio::as_tuple(core::asio::use_awaitable));
            seen_ = to_.changes_;
            co_return answer();
        }
        core::Task<core::Result<core::UnitState>> state(std::string unit) override {
            if (to_.gone) co_return answer().error();
            co_return to_.unit(unit);
        }
        core::Task<core::Result<void>> start(std::string unit) override {
            auto taken = order("start " + unit);
            if (taken && !to_.idle.contains(unit)) to_.set(unit, to_.state_after_start(unit));
            co_return taken;
        }
        core::Task<core::Result<void>> restart(std::string unit) override {
            co_return order("restart " + unit);
        }
        core::Task<core::Result<void>> stop(std::string unit) override {
            auto taken = order("stop " + unit);
            if (taken) to_.set(unit, to_.slow.contains(unit) ? "deactivating" : "inactive");
            co_return taken;
        }
        core::Task<core::Result<void>> reload() override {
            auto taken = order("reload");
            if (taken) to_.generate();
            co_return taken;
        }

    private:
        core::Result<void> answer() const {
            if (to_.gone) return core::fail(core::Errc::unreachable, "systemd does not answer");
            return {};
        }
        core::Result<void> order(std::string const& words) {
            if (to_.gone) return answer();
            to_.orders.push_back(words);
            auto const refusal = to_.refusals.find(words);
            if (refusal != to_.refusals.end()) return core::fail(core::Errc::refused, refusal->second);
            return {};
        }
        FakeSystemd& to_;
        unsigned seen_;
    };

    char const* state_after_start(std::string const& unit) const {
        if (starting.contains(unit)) return "activating";
        return broken.contains(unit) ? "failed" : "active";
    }
    void generate() {
        std::set<std::string> made;
        auto const files = health::read_unit_files(files_);
        if (files)
            for (auto const& file : *files)
                if (auto const service = health::service_of_ours(file.text); service) made.insert(*service);
        for (auto& [name, unit] : units_)
            if (unit.file.find("/generator/") != unit.file.npos && !made.contains(name) &&
                unit.active != "active")
                unit = {.load = "not-found", .active = "inactive", .sub = "dead"};
        for (auto const& name : made) {
            if (without_unit.contains(name)) continue;
            unit(name).load = "loaded";
            if (unit(name).file.empty()) unit(name).file = "/run/systemd/generator/" + name;
        }
        tell();
    }

    std::filesystem::path files_;
    core::asio::steady_timer news_;
    std::map<std::string, core::UnitState> units_;
    unsigned changes_ = 0, runs_ = 0;
};

}   // namespace test
