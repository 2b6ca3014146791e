#include "core/device_state.hpp"

namespace core {

char const* name(Phase phase) noexcept {
    switch (phase) {
    case Phase::idle:
        return "idle";
    case Phase::offered:
        return "offered";
    case Phase::downloading:
        return "downloading";
    case Phase::written:
        return "written";
    case Phase::activated:
        return "activated";
    case Phase::trial:
        return "trial";
    case Phase::committed:
        return "committed";
    case Phase::rolled_back:
        return "rolled_back";
    }
    return "?";
}

char const* name(LanAccess access) noexcept {
    switch (access) {
    case LanAccess::required:
        return "required";
    case LanAccess::listed:
        return "listed";
    case LanAccess::open:
        return "open";
    }
    return "?";
}

char const* name(Verdict verdict) noexcept {
    switch (verdict) {
    case Verdict::none:
        return "none";
    case Verdict::wait:
        return "wait";
    case Verdict::commit:
        return "commit";
    case Verdict::roll_back:
        return "roll_back";
    }
    return "?";
}

char const* name(Weight weight) noexcept {
    switch (weight) {
    case Weight::required:
        return "required";
    case Weight::wanted:
        return "wanted";
    case Weight::excused:
        return "excused";
    }
    return "?";
}

char const* name(Condition condition) noexcept {
    switch (condition) {
    case Condition::unknown:
        return "unknown";
    case Condition::good:
        return "good";
    case Condition::degraded:
        return "degraded";
    case Condition::failed:
        return "failed";
    }
    return "?";
}

bool is_refused(ConfigState const& config) noexcept {
    return config.source != ConfigState::Source::operator_document && !config.problems.empty();
}

char const* name(ConfigState::Source source) noexcept {
    switch (source) {
    case ConfigState::Source::operator_document:
        return "operator";
    case ConfigState::Source::last_accepted:
        return "last_accepted";
    case ConfigState::Source::built_in:
        return "built_in";
    }
    return "?";
}

}   // namespace core
