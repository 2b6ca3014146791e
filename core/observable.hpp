#pragma once
// One immutable snapshot, copy on write; the newest value wins and a slow reader never sees a queue.
// Everything here runs on the one event loop.

#include "core/task.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <utility>

namespace core {

template <class T> class Observable {
public:
    Observable(asio::any_io_executor executor, T first)
        : value_{std::make_shared<T const>(std::move(first))},
          changed_{executor, asio::steady_timer::time_point::max()} {}

    std::shared_ptr<T const> get() const { return value_; }
    T const& now() const { return *value_; }   // valid until the next publish

    // Publishing an equal value wakes nobody.
    void publish(T next) {
        if (next == *value_) return;
        value_ = std::make_shared<T const>(std::move(next));
        changed_.cancel();
    }

    // The newest snapshot once it is another one than `seen`.
    Task<std::shared_ptr<T const>> changed_from(std::shared_ptr<T const> seen) {
        while (value_ == seen) co_await changed_.async_wait(asio::as_tuple(asio::use_awaitable));
        co_return value_;
    }

private:
    std::shared_ptr<T const> value_;
    asio::steady_timer changed_;   // never rings; cancelling it wakes every reader
};

template <class Member> struct PartOf;
template <class Whole, class Part> struct PartOf<Part Whole::*> {
    using whole = Whole;
    using part = Part;
};

// The right to write one part of the state; hand each one out once, in main.
template <auto part> class Writer {
    using Whole = typename PartOf<decltype(part)>::whole;
    using Part = typename PartOf<decltype(part)>::part;

public:
    explicit Writer(Observable<Whole>& state) : state_{&state} {}

    Part const& now() const { return state_->now().*part; }
    void set(Part value) {
        if (now() == value) return;
        Whole next = state_->now();
        next.*part = std::move(value);
        state_->publish(std::move(next));
    }
    template <class Change> void change(Change&& how) {
        Part value = now();
        how(value);
        set(std::move(value));
    }

private:
    Observable<Whole>* state_;
};

}   // namespace core
