#include "core/observable.hpp"

#include "support/started.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using core::Task;

namespace {

struct State {
    int number = 0;
    std::string word;
    bool operator==(State const&) const = default;
};

struct World {
    core::asio::io_context io;
    core::Observable<State> state{io.get_executor(), State{}};
    core::Writer<&State::number> number{state};
    core::Writer<&State::word> word{state};
    std::vector<int> seen;

    Task<void> read_for_ever() {
        auto last = state.get();
        for (;;) {
            last = co_await state.changed_from(last);
            seen.push_back(last->number);
        }
    }
    void settle() {
        io.restart();
        io.poll();
    }
};

}   // namespace

TEST_CASE_FIXTURE(World, "a reader sees the newest value and never a queue") {
    test::Started reader{io, read_for_ever()};
    settle();
    number.set(1);
    number.set(2);
    number.set(3);
    settle();
    CHECK(seen == std::vector{3});
    number.set(4);
    settle();
    CHECK(seen == std::vector{3, 4});
    reader.cancel();
    settle();
    CHECK(reader.ended());
}

TEST_CASE_FIXTURE(World, "publishing an equal value wakes nobody and replaces nothing") {
    test::Started reader{io, read_for_ever()};
    settle();
    auto const before = state.get();
    state.publish(State{});
    number.set(0);
    word.change([](std::string&) {});
    settle();
    CHECK(seen.empty());
    CHECK(state.get() == before);
    reader.cancel();
    settle();
}

TEST_CASE_FIXTURE(World, "a reader that is late gets the value at once") {
    auto const old = state.get();
    number.set(7);
    int got = 0;
    auto read = [&]() -> Task<void> { got = (co_await state.changed_from(old))->number; };
    test::Started reader{io, read()};
    settle();
    CHECK(reader.ended());
    CHECK(got == 7);
}

TEST_CASE_FIXTURE(World, "every reader wakes, and a cancelled one leaves without disturbing the others") {
    test::Started first{io, read_for_ever()};
    test::Started second{io, read_for_ever()};
    settle();
    first.cancel();
    settle();
    CHECK(first.threw() == "cancelled");
    CHECK(!second.ended());
    number.set(1);
    settle();
    CHECK(seen == std::vector{1});
    second.cancel();
    settle();
    CHECK(second.ended());
}

TEST_CASE_FIXTURE(World, "a writer changes its own part and leaves the others alone") {
    number.set(5);
    word.change([](std::string& text) { text += "hello"; });
    CHECK(state.now() == State{5, "hello"});
    CHECK(number.now() == 5);
    CHECK(word.now() == "hello");
}

TEST_CASE_FIXTURE(World, "a snapshot that a reader holds never changes") {
    auto const held = state.get();
    number.set(9);
    CHECK(held->number == 0);
    CHECK(state.now().number == 9);
}
