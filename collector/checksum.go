package collector

import "hash/crc32"

// A CRC-32 is a polynomial over GF(2), with the coefficient of 1 in the highest
// bit. The checksum of one text after another is that of the first, times x to
// the number of bits of the second, plus that of the second: so texts whose
// checksums are known need not be read again to be put together.

// shift returns x to the number of bits in n bytes.
func shift(n int) uint32 {
	product, square := uint32(1<<31), uint32(1<<23) // x⁰ and x⁸
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			product = multiply(product, square)
		}
		square = multiply(square, square)
	}
	return product
}

// multiply returns the product of a and b, modulo the polynomial of the
// checksum.
func multiply(a, b uint32) uint32 {
	product := uint32(0)
	for ; a != 0; a <<= 1 {
		if a&(1<<31) != 0 {
			product ^= b
		}
		carry := b & 1
		b >>= 1
		if carry == 1 {
			b ^= crc32.IEEE
		}
	}
	return product
}
