package paygate

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
)

// Signing is how often replies are signed otherwise than asked, as WeChat Pay does while it moves a
// merchant from platform certificates to the public key, and at any time to test whether signatures
// are checked (pay.weixin.qq.com doc 4013053249). Each share is from 0, never, to 1, always. The
// zero value signs every reply as asked.
type Signing struct {
	// CertificateShare of the replies that the public key should sign are signed by the platform
	// certificate.
	CertificateShare float64 `json:"certificate_share"`

	// PublicKeyShare of the replies that the platform certificate should sign are signed by the
	// public key.
	PublicKeyShare float64 `json:"public_key_share"`

	// ProbeShare of the replies carry a signature that begins with WECHATPAY/SIGNTEST/ and must be
	// rejected. The next reply to the same call is no probe.
	ProbeShare float64 `json:"probe_share"`

	// NotifyByCertificate has notifications signed by the platform certificate, as for a merchant
	// that has not moved to the public key yet. false: by the public key. The shares apply to
	// notifications, too.
	NotifyByCertificate bool `json:"notify_by_certificate,omitempty"`
}

// check returns an error that names each share that is not from 0 to 1.
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

// lottery draws how each reply is signed.
type lottery struct {
	mu     sync.Mutex
	shares Signing
	chance *rand.Rand
	// the calls whose last reply was a probe
	probed []call
}

// call is what a retry has in common with the request that it repeats.
type call struct {
	op            string
	key           orderKey
	transactionID string
}

// maxProbed bounds how many calls without a retry are remembered, the newest.
const maxProbed = 1000

// newLottery starts the draws from a seed. The error is that of the shares.
func newLottery(shares Signing, seed uint64) (*lottery, error) {
	if err := shares.check(); err != nil {
		return nil, fmt.Errorf("Options.Signing: %w", err)
	}
	const stream = 1 // any number does
	chance := rand.New(rand.NewPCG(seed, stream))
	return &lottery{shares: shares, chance: chance}, nil
}

// set changes the shares, unless one of them is wrong.
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

// draw decides for one reply which kind of key signs it, and whether it is a probe. It draws two
// numbers whatever the shares are, so that the draws of the next reply do not depend on them. A
// reply that a fault forges is no probe.
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

// SetSigning sets the shares of replies that are signed otherwise than asked, from the next reply
// on. The error names each share that is wrong; none is set then.
func (g *Gateway) SetSigning(shares Signing) error {
	if err := g.signing.set(shares); err != nil {
		return fmt.Errorf("setting the shares of signatures: %w", err)
	}
	return nil
}

// Signing returns the shares that are set.
func (g *Gateway) Signing() Signing { return g.signing.get() }

// keyKind is one of the two kinds of keys that sign replies.
type keyKind int

const (
	certificateKey keyKind = iota // the newest platform certificate's
	publicKey
)

// signer returns the key of a kind, as it is now. Without certificates there is one kind.
func (p *platform) signer(kind keyKind) signer {
	if newest := p.newest(); kind == certificateKey && newest != nil {
		return newest.signer
	}
	return p.publicKey
}

// chooseSigner notes the kind of key that the request asks to sign the reply: the one that
// Wechatpay-Serial names, else the platform certificate. It may name any certificate that is still
// listed; the newest signs. A name that is neither is refused with PARAM_ERROR, which is ours: the
// documents do not say what happens.
func (g *Gateway) chooseSigner(ex *exchange, q *question) *distrust {
	asked := ex.r.Header.Get("Wechatpay-Serial")
	switch {
	case asked == g.platform.publicKey.serial:
		q.asked = publicKey
		return nil
	case asked == "", g.platform.certificate(asked) != nil:
		return nil
	}
	wrong := inTheTable("Http头Wechatpay-Serial的值有误，请使用有效的微信支付公钥ID或平台证书序列号", "v3-wechatpay-serial")
	wrong.detail = issue{Field: "Wechatpay-Serial", Value: asked, Issue: "unknown serial", Location: "header"}
	own := g.platform.publicKey.serial
	if newest := g.platform.newest(); newest != nil {
		return wrong.about(fmt.Sprintf("%q is neither this gateway's public key id %s nor its certificate's serial %s",
			asked, own, newest.serial))
	}
	return wrong.about(fmt.Sprintf("%q is not this gateway's public key id %s, and it has no platform certificates", asked, own))
}

// drawSigning decides which key signs a reply, and how, unless a fault has decided how already.
// Every signed reply draws, also one that a fault forges, so that a seed's draws do not depend on
// faults.
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

// adminSigning shows the shares.
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
