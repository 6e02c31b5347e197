#include "crypto/x25519_pem.hpp"

#include "crypto/key_exchange.hpp"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>

namespace lode::crypto {
namespace {

using pkey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using bio = std::unique_ptr<BIO, decltype(&BIO_free_all)>;

std::string text_of(BIO* b) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(b, &data);
  return {data, static_cast<std::size_t>(size)};
}

TEST(x25519_pem_test, what_openssl_writes_is_read_and_written_to_the_letter) {
  for (int i = 0; i < 20; ++i) {
    const pkey key(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"), EVP_PKEY_free);
    const bio pub(BIO_new(BIO_s_mem()), BIO_free_all);
    const bio priv(BIO_new(BIO_s_mem()), BIO_free_all);
    PEM_write_bio_PUBKEY(pub.get(), key.get());
    PEM_write_bio_PKCS8PrivateKey(priv.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    const auto pub_text = text_of(pub.get());
    const auto priv_text = text_of(priv.get());
    const auto pub_raw = x25519_public_from_pem(pub_text);
    const auto priv_raw = x25519_private_from_pem(priv_text);
    ASSERT_TRUE(pub_raw);
    ASSERT_TRUE(priv_raw);
    EXPECT_EQ(x25519_public_to_pem(*pub_raw), pub_text);
    EXPECT_EQ(x25519_private_to_pem(*priv_raw), priv_text);
    const auto sealed = encrypt_to(pub_text, "hello");
    ASSERT_TRUE(sealed);
    EXPECT_EQ(decrypt_with(priv_text, *sealed).value(), "hello");
  }
}

TEST(x25519_pem_test, openssl_reads_what_is_written) {
  const auto pair = make_key_pair(key_kind::x25519).value();
  const bio pub(BIO_new_mem_buf(pair.public_pem.data(), static_cast<int>(pair.public_pem.size())), BIO_free_all);
  const pkey pub_key(PEM_read_bio_PUBKEY(pub.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  ASSERT_TRUE(pub_key);
  const bio priv(BIO_new_mem_buf(pair.private_pem.data(), static_cast<int>(pair.private_pem.size())), BIO_free_all);
  const pkey priv_key(PEM_read_bio_PrivateKey(priv.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  ASSERT_TRUE(priv_key);
  EXPECT_EQ(EVP_PKEY_eq(pub_key.get(), priv_key.get()), 1);
}

TEST(x25519_pem_test, an_unusual_layout_is_left_to_openssl_and_still_works) {
  const auto pair = make_key_pair(key_kind::x25519).value();
  const auto odd = "a comment before it\n" + pair.public_pem;
  EXPECT_FALSE(x25519_public_from_pem(odd));
  EXPECT_EQ(decrypt_with(pair.private_pem, encrypt_to(odd, "x").value()).value(), "x");
}

TEST(x25519_pem_test, anything_else_is_not_read) {
  const auto pair = make_key_pair(key_kind::x25519).value();
  EXPECT_FALSE(x25519_private_from_pem(pair.public_pem));
  EXPECT_FALSE(x25519_public_from_pem(pair.private_pem));
  for (std::size_t i = 0; i < pair.public_pem.size() - 1; ++i) {
    EXPECT_FALSE(x25519_public_from_pem(pair.public_pem.substr(0, i))) << i;
  }
  EXPECT_FALSE(x25519_public_from_pem(make_key_pair(key_kind::rsa2048).value().public_pem));
}

}  // namespace
}  // namespace lode::crypto
