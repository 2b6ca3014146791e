#pragma once
// A look at <data> with a limit. A worn-out card can make a system call wait for ever; nothing ends such a
// call, but the round of probes goes on without it, and no second look is queued behind it.

#include "core/clock.hpp"
#include "health/own_probes.hpp"

#include <functional>
#include <memory>

namespace health {

class DataLook {
public:
    static constexpr auto kLimit = std::chrono::seconds{10};

    // `look` is what may hang; it is not cancelled.
    DataLook(core::Clock& clock, std::function<Task<DataFacts>()> look)
        : clock_{clock}, look_{std::move(look)} {}

    // What was seen, or timed_out in both facts: at the limit, and from then on at once, until the call that
    // hangs has ended.
    Task<DataFacts> look();

private:
    struct Call;
    static Task<void> end_of(std::shared_ptr<Call> call);

    core::Clock& clock_;
    std::function<Task<DataFacts>()> look_;
    std::shared_ptr<Call> call_;   // the last one, under way or not
};

}   // namespace health
