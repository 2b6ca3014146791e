#include "core/boot_book.hpp"

#include <algorithm>
#include <limits>

namespace core {
namespace {

constexpr int kSchema = 1;

unsigned count_in(json::object const& object, std::string_view key) {
    constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
    return static_cast<unsigned>(std::clamp<std::int64_t>(integer_in(object, key).value_or(0), 0, kMost));
}

bool flag_in(json::object const& object, std::string_view key) {
    auto const* value = object.if_contains({key.data(), key.size()});
    return value && value->is_bool() && value->as_bool();
}

BootRecord from_json(json::object const& object) {
    return {.boot_id = string_in(object, "boot_id").value_or(""),
            .ended_in_order = flag_in(object, "ended_in_order"),
            .on_trial = flag_in(object, "on_trial"),
            .unexpected = count_in(object, "unexpected"),
            .unexpected_in_trial = count_in(object, "unexpected_in_trial")};
}

json::object to_json(BootRecord const& record) {
    return {{"boot_id", record.boot_id},
            {"ended_in_order", record.ended_in_order},
            {"on_trial", record.on_trial},
            {"unexpected", record.unexpected},
            {"unexpected_in_trial", record.unexpected_in_trial}};
}

}   // namespace

BootRecord next_boot(BootRecord before, std::string const& boot_id) {
    bool const is_first = before.boot_id.empty();
    bool const is_new = before.boot_id != boot_id;
    if (is_new && !is_first && !before.ended_in_order)
        ++(before.on_trial ? before.unexpected_in_trial : before.unexpected);
    if (is_new) before.on_trial = false;   // until run() hears of it
    before.boot_id = boot_id;
    before.ended_in_order = false;
    return before;
}

BootBook::BootBook(std::filesystem::path file, std::string const& boot_id, Log log)
    : file_{std::move(file), kSchema}, log_{std::move(log)} {
    auto const object = file_.read();
    if (!object)
        log_(Level::warning, "a state file was unreadable", {{"why", object.error().text()}});
    else if (*object)
        record_ = from_json(**object);
    bool const was_known = !record_.boot_id.empty();
    auto const before = std::exchange(record_, next_boot(record_, boot_id));
    if (was_known && (before.unexpected != record_.unexpected ||
                      before.unexpected_in_trial != record_.unexpected_in_trial))
        log_(Level::warning, "the boot before this one did not end in order",
             {{"on_trial", before.on_trial ? "yes" : "no"}});
    write();
}

Boots BootBook::boots(std::string reason) const {
    return {.reason = std::move(reason),
            .unexpected = record_.unexpected,
            .unexpected_in_trial = record_.unexpected_in_trial};
}

Task<void> BootBook::run(StateBus& state) {
    for (auto seen = state.get();; seen = co_await state.changed_from(seen)) {
        bool const on_trial = seen->update.phase == Phase::trial;
        if (on_trial == record_.on_trial) continue;
        record_.on_trial = on_trial;
        write();
    }
}

void BootBook::ended_in_order() {
    record_.ended_in_order = true;
    write();
}

void BootBook::write() {
    if (auto const ok = file_.write(to_json(record_)); !ok)
        log_(Level::warning, "could not record this boot", {{"why", ok.error().text()}});
}

}   // namespace core
