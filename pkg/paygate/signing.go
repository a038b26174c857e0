package paygate

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
)

// Signing is what WeChat Pay does to signatures while it switches a merchant over from platform certificates to the public
// key, and at any time to see whether signatures are checked (pay.weixin.qq.com doc 4013053249). Shares are from 0, which is
// never, to 1, which is always.
type Signing struct {
	// CertificateShare of the replies that shall be signed by the public key are signed by the platform certificate.
	CertificateShare float64 `json:"certificate_share"`

	// PublicKeyShare of the replies that shall be signed by the platform certificate are signed by the public key.
	PublicKeyShare float64 `json:"public_key_share"`

	// ProbeShare of the replies carry a signature that starts with WECHATPAY/SIGNTEST/ and must fail. The next reply to the
	// same call is no probe.
	ProbeShare float64 `json:"probe_share"`
}

func (s Signing) check() error {
	var wrong complaints
	for _, share := range []struct {
		name  string
		value float64
	}{
		{"certificate_share", s.CertificateShare}, {"public_key_share", s.PublicKeyShare}, {"probe_share", s.ProbeShare},
	} {
		wrong.expectf(share.value >= 0 && share.value <= 1, "%s: %v must be from 0 to 1", share.name, share.value)
	}
	if err := wrong.err(); err != nil {
		return invalid("%v", err)
	}
	return nil
}

// lottery draws what happens to each signature.
type lottery struct {
	mu     sync.Mutex
	shares Signing
	chance *rand.Rand
	probed []call // whose last reply was a probe
}

// call is what a retry has in common with the request it retries.
type call struct {
	op            string
	key           orderKey
	transactionID string
}

// maxProbed bounds what is remembered of calls that nobody retried.
const maxProbed = 1000

func newLottery(shares Signing, seed uint64) (*lottery, error) {
	if err := shares.check(); err != nil {
		return nil, fmt.Errorf("Options.Signing: %w", err)
	}
	const stream = 1 // any number does
	chance := rand.New(rand.NewPCG(seed, stream))
	return &lottery{shares: shares, chance: chance}, nil
}

func (l *lottery) set(shares Signing) error {
	if err := shares.check(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shares = shares
	return nil
}

func (l *lottery) get() Signing {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shares
}

// draw draws for one reply: two numbers, whatever the shares are, so that the next reply's do not depend on them.
// A reply that a fault forges is no probe.
func (l *lottery) draw(asked keyKind, by call, forged bool) (kind keyKind, probe bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	other, share := certificateKey, l.shares.CertificateShare
	if asked == certificateKey {
		other, share = publicKey, l.shares.PublicKeyShare
	}
	kind = asked
	if l.chance.Float64() < share {
		kind = other
	}
	probe = l.chance.Float64() < l.shares.ProbeShare
	if forged {
		return kind, false
	}
	if i := slices.Index(l.probed, by); i >= 0 {
		l.probed = slices.Delete(l.probed, i, i+1)
		return kind, false
	}
	if probe {
		if len(l.probed) >= maxProbed {
			l.probed = slices.Delete(l.probed, 0, 1)
		}
		l.probed = append(l.probed, by)
	}
	return kind, probe
}

// SetSigning sets the shares of replies that are signed otherwise than asked. The error names each share that is wrong.
func (g *Gateway) SetSigning(shares Signing) error {
	if err := g.signing.set(shares); err != nil {
		return fmt.Errorf("setting the shares of signatures: %w", err)
	}
	return nil
}

// Signing is the shares of replies that are signed otherwise than asked.
func (g *Gateway) Signing() Signing { return g.signing.get() }

// keyKind is one of the two kinds of keys that sign replies.
type keyKind int

const (
	certificateKey keyKind = iota // the newest platform certificate's
	publicKey
)

// signer is the key of a kind, as it is now. Without certificates there is one kind.
func (p *platform) signer(kind keyKind) signer {
	if newest := p.newest(); kind == certificateKey && newest != nil {
		return newest.signer
	}
	return p.publicKey
}

// chooseSigner picks the kind of key that signs the reply: what Wechatpay-Serial names, else the platform certificate. Any
// certificate that is still listed may be named; the newest signs.
func (g *Gateway) chooseSigner(ex *exchange, q *question) *refusal {
	asked := ex.r.Header.Get("Wechatpay-Serial")
	switch {
	case asked == g.platform.publicKey.serial:
		q.asked = publicKey
		return nil
	case asked == "", g.platform.certificate(asked) != nil:
		return nil
	}
	reason := fmt.Sprintf("Wechatpay-Serial %q is not this gateway's public key id %s, and it has no platform certificates",
		asked, g.platform.publicKey.serial)
	if newest := g.platform.newest(); newest != nil {
		reason = fmt.Sprintf("Wechatpay-Serial %q is neither this gateway's public key id %s nor its certificate's serial %s",
			asked, g.platform.publicKey.serial, newest.serial)
	}
	return refuse(codeParamError).saying("Http头Wechatpay-Serial的值有误，请使用有效的微信支付公钥ID或平台证书序列号").because(reason).
		detailing(issue{Field: "Wechatpay-Serial", Value: asked, Issue: "unknown serial", Location: "header"})
}

// drawSigning says who signs a reply, and how, unless a fault has said how already.
func (g *Gateway) drawSigning(ex *exchange, q *question, forgery Action) (signer, Action) {
	by := call{op: q.op, transactionID: q.transactionID}
	if q.merchant != nil {
		by.key = q.orderKey()
	}
	kind, probe := g.signing.draw(q.asked, by, forgery != "")
	if probe {
		ex.note("the signature is a probe, as a share of them is")
		forgery = Probe
	}
	return g.platform.signer(kind), forgery
}

func (g *Gateway) adminSigning(*http.Request) (int, any, error) {
	return http.StatusOK, g.Signing(), nil
}

// adminSetSigning sets the shares that are given, and leaves the others as they are.
func (g *Gateway) adminSetSigning(r *http.Request) (int, any, error) {
	shares := g.Signing()
	if err := decodeAdmin(r, &shares); err != nil {
		return 0, nil, err
	}
	if err := g.signing.set(shares); err != nil {
		return 0, nil, err
	}
	return g.adminSigning(r)
}
