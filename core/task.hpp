#pragma once
// The coroutine type, and the two ways to race. Never use Asio's bare `||`: it waits for the first *success*
// and loses an exception (docs/traps.md).
//
// A Task takes its data by value and its collaborators by reference; cancellation leaves through any
// co_await.

#include <boost/asio/awaitable.hpp>

namespace core {

namespace asio = boost::asio;

template <class T> using Task = asio::awaitable<T>;

}   // namespace core
