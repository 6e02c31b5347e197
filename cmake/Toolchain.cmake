# Language, warnings, sanitizers, and the faster tools where they are installed.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # No precompiled headers beside it: they defeat the cache.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 takes the promise's own operator new and delete of an Asio coroutine for mismatched once one is inlined.
  add_compile_options(-Wno-mismatched-new-delete)
endif()
if(LODE_SANITIZE)
  # null: CAF binds references to null in empty functors; harmless and not ours. vptr: fmt as a shared library hides its
  # type information.
  add_compile_options(-fsanitize=${LODE_SANITIZE} -fno-omit-frame-pointer)
  if(LODE_SANITIZE MATCHES undefined)
    add_compile_options(-fno-sanitize=null,vptr -fno-sanitize-recover=undefined)
  endif()
  if(LODE_SANITIZE MATCHES thread)
    # Asio's fences about every handler, which ThreadSanitizer cannot see and g++ warns of; its mutexes order what it does.
    add_compile_definitions(BOOST_ASIO_DISABLE_FENCED_BLOCK)
  endif()
  add_link_options(-fsanitize=${LODE_SANITIZE})
endif()
