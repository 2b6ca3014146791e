#pragma once
// Lets doctest print any Result: its error's text, or "a value".

#include "core/result.hpp"

#include <doctest/doctest.h>

namespace doctest {

template <class T> struct StringMaker<boost::system::result<T, core::Error>> {
    static String convert(boost::system::result<T, core::Error> const& result) {
        return result ? String{"a value"} : String{result.error().text().c_str()};
    }
};

}   // namespace doctest
