package diagnosis

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"strings"
)

// block is an element of GF(2^128) as NIST SP 800-38D writes it: the first bit of the 16 bytes is
// the highest bit of hi.
type block struct{ hi, lo uint64 }

func newBlock(b []byte) block {
	return block{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:aes.BlockSize])}
}

func (x block) bytes() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, x.hi), x.lo)
}

// add adds, which is the same as to subtract.
func (x block) add(y block) block { return block{x.hi ^ y.hi, x.lo ^ y.lo} }

// times multiplies by SP 800-38D, algorithm 1. It takes a time that depends on x, which is only
// ever derived from a key that is the reader's own.
func (x block) times(y block) block {
	const reduction = 0xe1 << 56
	var z block
	for _, half := range [2]uint64{x.hi, x.lo} {
		for range 64 {
			if half>>63 == 1 {
				z = z.add(y)
			}
			half <<= 1
			carry := y.lo & 1
			y = block{y.hi >> 1, y.lo>>1 | y.hi<<63}
			y.hi ^= carry * reduction
		}
	}
	return z
}

// inverse is x to the power of 2^128-2, by Fermat's theorem: the powers 2, 4, … 2^127 multiplied.
// Zero has no inverse, and gives zero.
func (x block) inverse() block {
	power, product := x, block{hi: 1 << 63} // one
	for range 127 {
		power = power.times(power)
		product = product.times(power)
	}
	return product
}

// gcm is AES-GCM taken apart. What a tag refuses it can still examine: the text is encrypted with a
// plain counter, and the tag is a polynomial whose only unknown may be the associated data.
//
// With E for AES under the key, H = E(0), and J0 the nonce followed by 1 (NIST SP 800-38D, sections
// 6.3 to 7.2):
//
//	text block i = plain block i + E(J0 + i)
//	tag          = E(J0) + GHASH(H; associated data, text)
//	GHASH        = ((A·H + C1)·H + C2)·H … + lengths)·H
//
// From which three things follow that a key's owner can compute, and another reader cannot:
//
//   - Key and nonce decrypt a readable text or they are wrong, whatever the tag says.
//   - If a text's first 16 bytes are known, E(J0 + 1) is, and decrypting it gives the nonce.
//   - If the associated data is one block, A is the only unknown of the tag's equation.
type gcm struct {
	cipher cipher.Block
	// the hash's key H, which is zero encrypted
	hash block
}

// newGCM returns nil if the key is not 16, 24 or 32 bytes long.
func newGCM(key string) *gcm {
	aesCipher, err := aes.NewCipher([]byte(key))
	if err != nil {
		return nil
	}
	g := &gcm{cipher: aesCipher}
	g.hash = g.encrypt(block{})
	return g
}

func (g *gcm) encrypt(b block) block {
	out := b.bytes()
	g.cipher.Encrypt(out, out)
	return newBlock(out)
}

// ghash continues the hash x with text, filled up with zeros to whole blocks. The lengths, which
// end the hash, are the caller's to add.
func (g *gcm) ghash(x block, text []byte) block {
	for len(text) > 0 {
		var part [aes.BlockSize]byte
		text = text[copy(part[:], text):]
		x = x.add(newBlock(part[:])).times(g.hash)
	}
	return x
}

// start is the counter before the first block of text, J0 in SP 800-38D, section 7.1. A nonce of 12
// bytes, which is WeChat Pay's, has the 1 behind it; any other is hashed.
func (g *gcm) start(nonce string) block {
	const usual = 12
	if len(nonce) == usual {
		return newBlock(append([]byte(nonce), 0, 0, 0, 1))
	}
	return g.ghash(block{}, []byte(nonce)).add(block{lo: 8 * uint64(len(nonce))}).times(g.hash)
}

// next is the counter of the first block of text.
func (x block) next() block {
	return block{x.hi, x.lo&^0xffffffff | uint64(uint32(x.lo)+1)} //nolint:gosec // the counter wraps at 32 bits
}

// decrypt decrypts without asking the tag. The result is noise where key or nonce is wrong.
func (g *gcm) decrypt(nonce string, text []byte) []byte {
	out := make([]byte, len(text))
	cipher.NewCTR(g.cipher, g.start(nonce).next().bytes()).XORKeyStream(out, text)
	return out
}

// nonceOf returns the nonce of 12 bytes with which text was encrypted, when it is known how the
// plain text begins, in 16 bytes: the first counter is what they were covered with, decrypted. ok
// is false when another key or another beginning was used, but for one in 2^32.
func (g *gcm) nonceOf(text, beginning []byte) (nonce string, ok bool) {
	if len(text) < aes.BlockSize {
		return "", false
	}
	counter := newBlock(text).add(newBlock(beginning)).bytes()
	g.cipher.Decrypt(counter, counter)
	nonce, ok = strings.CutSuffix(string(counter), "\x00\x00\x00\x02")
	return nonce, ok && isPrintable(nonce)
}

// associatedData returns the associated data under which tag holds for text, when it has up to 16
// bytes. The tag is a polynomial in the hash's key, in which one block is then the only unknown. It
// is taken for found when the bytes behind its length are zero and the others are printable, which
// happens by chance once in 2^23.
func (g *gcm) associatedData(nonce string, text, tag []byte) (data string, ok bool) {
	sum := newBlock(tag).add(g.encrypt(g.start(nonce)))
	known := g.ghash(block{}, text)
	lengths := func(of int) block {
		return block{8 * uint64(of), 8 * uint64(len(text))} //nolint:gosec // lengths are not negative
	}
	if known.add(lengths(0)).times(g.hash) == sum {
		return "", true
	}
	// sum = data·H^(n+2) + known·H + lengths·H, of n blocks of text
	factor := g.hash.times(g.hash)
	for range (len(text) + aes.BlockSize - 1) / aes.BlockSize {
		factor = factor.times(g.hash)
	}
	inverse := factor.inverse()
	for size := 1; size <= aes.BlockSize; size++ {
		unknown := sum.add(known.add(lengths(size)).times(g.hash)).times(inverse).bytes()
		data, rest := string(unknown[:size]), unknown[size:]
		if isPrintable(data) && strings.Trim(string(rest), "\x00") == "" {
			return data, true
		}
	}
	return "", false
}

// isPrintable reports whether text is of printable ASCII characters, and not empty. Nonces and
// associated data of WeChat Pay are, of letters and digits.
func isPrintable(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return text != ""
}
