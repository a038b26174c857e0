package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"cloudpay/internal/app"
	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/wechatpay"
	"cloudpay/pkg/wire"
)

const (
	// longestProbe bounds one look at an address; a third of the time there is, if that is less, so that the question can
	// still be asked afterwards.
	longestProbe = 5 * time.Second
	// maxPage caps what is read of a reply: enough to see what it is.
	maxPage = 4 << 10

	// slightSkew and wrongSkew are how far a clock may be off before that is worth a word, and before WeChat Pay refuses
	// what is signed by it (pay.weixin.qq.com doc 4012072670: five minutes).
	slightSkew = time.Minute
	wrongSkew  = 5 * time.Minute
)

// address is one place that calls go to.
type address struct {
	check Check
	url   string
	path  string // what is asked for there: a GET that no gateway does anything for
}

// addresses are those that the configuration leads to.
func (p *patient) addresses() []address {
	if p.settings.API == order.WXCloudRun {
		return []address{{CheckPrivateLink, p.settings.CloudRunURL, "/_/pay/queryorder"}}
	}
	path := map[order.Region]string{
		order.Mainland: "/v3/certificates", order.Global: "/v3/global/certificates", order.HongKong: "/hk/v3/certificates",
	}[p.settings.Region]
	checks := []Check{CheckMainDomain, CheckBackupDomain}
	var list []address
	for i, url := range app.Addresses(p.settings) {
		list = append(list, address{checks[i], url, path})
	}
	return list
}

// checkNetwork looks at all addresses at once, and at the clock by what they answer.
func checkNetwork(ctx context.Context, p *patient) []Finding {
	if p.Offline {
		return []Finding{{
			Check: CheckMainDomain, Level: LevelSkipped,
			Found: bilingual.New("not asked, for --offline", "未检查（--offline）"),
		}}
	}
	if p.faults.Has("WXPAY_BASE_URL") || p.faults.Has("WXPAY_BACKUP_URL") || p.faults.Has("WXPAY_CLOUDRUN_URL") {
		return []Finding{{
			Check: CheckMainDomain, Level: LevelSkipped,
			Found: bilingual.New("not asked: its address has a fault", "未检查：地址配置有误"),
		}}
	}
	list := p.addresses()
	probes := make([]probe, len(list))
	var all sync.WaitGroup
	for i, a := range list {
		all.Go(func() { probes[i] = p.probe(ctx, a) })
	}
	all.Wait()
	for _, r := range probes {
		if r.err == nil {
			p.reached++
		}
	}
	var clock []Finding
	if p.reached > 0 {
		clock = []Finding{p.clock(list, probes)}
		p.clockAgrees = clock[0].Level == LevelFine
	}
	findings := make([]Finding, 0, len(list)+1)
	for i, a := range list {
		findings = append(findings, probes[i].finding(a, p.clockAgrees))
	}
	return append(findings, clock...)
}

// probe is what came of one look at an address.
type probe struct {
	err    error
	stage  stage // how far it came
	took   time.Duration
	status int
	html   bool
	tls    string
	// date is the Date header, zero without one; asked is the middle of the exchange by our clock, and unsure how far from
	// it the header can have been written.
	date, asked time.Time
	unsure      time.Duration
}

// stage is what a request is waiting for.
type stage int32

const (
	stageConnect stage = iota // the name's address and a connection
	stageTLS
	stageReply
)

// probe asks an address for nothing in particular, unsigned: whatever is answered shows that somebody is there.
func (p *patient) probe(ctx context.Context, a address) probe {
	limit := longestProbe
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)/3)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var at atomic.Int32
	var version atomic.Uint32
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		TLSHandshakeStart: func() { at.Store(int32(stageTLS)) },
		TLSHandshakeDone:  func(s tls.ConnectionState, _ error) { version.Store(uint32(s.Version)) },
		GotConn:           func(httptrace.GotConnInfo) { at.Store(int32(stageReply)) },
	})
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+a.path, nil)
	if err != nil {
		return probe{err: err}
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "cloudpay/doctor")
	client := wechatpay.NewHTTPClient() // the functions' own rules: proxies, trusted roots, time limits
	defer client.CloseIdleConnections()
	sent, wall := time.Now(), p.now()
	reply, err := wire.Exchange(client, request, maxPage)
	took, unsure := time.Since(sent), p.now().Sub(wall)/2
	if reply == nil {
		return probe{err: err, stage: stage(at.Load()), took: took}
	}
	// What is there of the body is enough, whatever else became of it.
	result := probe{took: took, status: reply.HTTPStatus, html: isHTML(reply.Header, reply.Body), asked: wall.Add(unsure), unsure: unsure}
	result.date, _ = http.ParseTime(reply.Header.Get("Date")) // the zero time when it cannot be read
	if version := version.Load(); version != 0 {
		result.tls = ", " + tls.VersionName(uint16(version)) //nolint:gosec // it was one
	}
	return result
}

// isHTML tells a page for people from a gateway's reply.
func isHTML(header http.Header, page []byte) bool {
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	return kind == "text/html" || bytes.HasPrefix(bytes.TrimSpace(page), []byte("<!")) ||
		bytes.HasPrefix(bytes.ToLower(bytes.TrimSpace(page)), []byte("<html"))
}

// finding words a probe. clockAgrees rules out that this machine's clock is what is wrong.
func (r probe) finding(a address, clockAgrees bool) Finding {
	f := Finding{Check: a.check, Level: LevelFine, Subject: a.url}
	switch {
	case r.err != nil:
		f.Level = LevelFault
		if a.check == CheckBackupDomain {
			f.Level = LevelWarning // calls work without it, until the day they do not
		}
		f.Found, f.Remedy = r.unreached(clockAgrees)
	case r.html:
		f.Level = LevelWarning
		f.Found = bilingual.Sprintf("answers HTTP %d with a web page, as proxies and sign-in portals do", "返回 HTTP %d 网页，像是代理或认证门户", r.status)
		f.Remedy = bilingual.New(
			"see what stands between this machine and WeChat Pay (HTTPS_PROXY, a firewall)",
			"检查本机与微信支付之间的代理（HTTPS_PROXY）或防火墙",
		)
	case r.status >= http.StatusInternalServerError:
		f.Level = LevelWarning
		f.Found = bilingual.Sprintf("answers HTTP %d", "返回 HTTP %d", r.status)
		f.Remedy = bilingual.New("try again; if it stays, look for a proxy on the way", "请重试；若持续出现，检查途中的代理")
	default:
		f.Found = bilingual.Sprintf("answers, HTTP %d in %d ms%s", "可达，HTTP %d，%d 毫秒%s", r.status, r.took.Milliseconds(), r.tls)
	}
	return f
}

// unreached says why nobody answered, and what to do.
func (r probe) unreached(clockAgrees bool) (found, remedy bilingual.Text) {
	var (
		timeout   interface{ Timeout() bool }
		notFound  *net.DNSError
		operation *net.OpError
		notTLS    tls.RecordHeaderError
		untrusted *tls.CertificateVerificationError
	)
	switch {
	case errors.As(r.err, &operation) && operation.Op == "proxyconnect":
		return bilingual.New("the proxy on the way cannot be reached", "无法连接代理服务器"),
			bilingual.New("check HTTPS_PROXY and NO_PROXY", "检查 HTTPS_PROXY 与 NO_PROXY")
	case errors.As(r.err, &notFound):
		return bilingual.New("its name cannot be resolved", "域名无法解析"),
			bilingual.New(
				"check the name and this machine's DNS; a function inside a VPC needs a way to the internet",
				"检查域名与本机 DNS；VPC 内的函数需开通公网访问",
			)
	case errors.As(r.err, &untrusted):
		return wrongCertificate(untrusted.Err, clockAgrees)
	case errors.As(r.err, &notTLS), errors.Is(r.err, http.ErrSchemeMismatch):
		return bilingual.New("what answers there speaks no TLS", "对端不是 TLS 服务"),
			bilingual.New("check the port, and see what stands in between (HTTPS_PROXY, a firewall)", "检查端口，以及途中的代理（HTTPS_PROXY）或防火墙")
	case errors.As(r.err, &timeout) && timeout.Timeout():
		return r.tooLate()
	case errors.Is(r.err, syscall.ECONNREFUSED):
		return bilingual.New("nobody listens there: the connection was refused", "连接被拒绝：该地址无人监听"),
			bilingual.New("check the address and its port; an emulator may have been stopped", "检查地址与端口；模拟器可能已停止")
	}
	return bilingual.Sprintf("the connection broke off: %s", "连接中断：%s", innermost(r.err)),
		bilingual.New("try again; if it stays, look for a firewall or a proxy on the way", "请重试；若持续出现，检查防火墙或代理")
}

// wrongCertificate says why a server was not believed to be WeChat Pay's.
func wrongCertificate(err error, clockAgrees bool) (found, remedy bilingual.Text) {
	var (
		otherHost x509.HostnameError
		invalid   x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &otherHost):
		return bilingual.New("its TLS certificate is for another name", "其 TLS 证书不属于该域名"),
			bilingual.New("check the address; something on the way may answer in its stead", "检查地址；途中可能有设备冒充应答")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		found = bilingual.New("its TLS certificate is expired or not yet valid", "其 TLS 证书不在有效期内")
		if clockAgrees {
			return found, bilingual.New("see what answers there: this machine's clock is right", "请检查应答方：本机时钟无误")
		}
		return found, bilingual.New("check this machine's clock first", "请先校准本机时钟")
	}
	return bilingual.New("its TLS certificate is signed by nobody whom this machine trusts", "其 TLS 证书不受本机信任"),
		bilingual.New(
			"install the root certificates (package ca-certificates); a proxy that reads TLS traffic cannot be used",
			"安装根证书（ca-certificates）；不可使用会解密 TLS 的代理",
		)
}

// tooLate says what a probe was still waiting for.
func (r probe) tooLate() (found, remedy bilingual.Text) {
	seconds := r.took.Seconds()
	remedy = bilingual.New(
		"check the way out: firewall, security group, a VPC without a way to the internet",
		"检查出网：防火墙、安全组，以及 VPC 是否可访问公网",
	)
	switch r.stage {
	case stageTLS:
		return bilingual.Sprintf("no end of the TLS handshake within %.1f s", "TLS 握手在 %.1f 秒内未完成", seconds), remedy
	case stageReply:
		return bilingual.Sprintf("connected, and no answer within %.1f s", "已连接，但 %.1f 秒内没有应答", seconds),
			bilingual.New("try again; if it stays, look for a proxy on the way", "请重试；若持续出现，检查途中的代理")
	case stageConnect:
	}
	return bilingual.Sprintf("no connection within %.1f s", "%.1f 秒内未能建立连接", seconds), remedy
}

// innermost is the cause of all causes: the others repeat the address.
func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// clock compares our clock with the first address's that said what time it is, WeChat Pay's rather than a proxy's.
func (p *patient) clock(list []address, probes []probe) Finding {
	best := -1
	for i, r := range probes {
		if r.err == nil && !r.date.IsZero() && (best < 0 || probes[best].html && !r.html) {
			best = i
		}
	}
	if best < 0 {
		return Finding{
			Check: CheckClock, Level: LevelSkipped,
			Found: bilingual.New("no reply said what time it is", "应答中没有时间，无法核对"),
		}
	}
	// The header is cut to whole seconds: the middle of the second is as good a guess as any.
	ahead := probes[best].asked.Sub(probes[best].date.Add(time.Second / 2)).Round(time.Second)
	return p.skew(list[best].url, ahead, probes[best].unsure)
}

// skew words how far ahead our clock is, give or take unsure. Only APIv3 signs the time.
func (p *patient) skew(of string, ahead, unsure time.Duration) Finding {
	f := Finding{Check: CheckClock, Level: LevelFine, Subject: of}
	f.Found = bilingual.Sprintf("this machine's is %s ahead of the gateway's", "本机比网关快 %s", ahead)
	if ahead < 0 {
		f.Found = bilingual.Sprintf("this machine's is %s behind the gateway's", "本机比网关慢 %s", -ahead)
	}
	set := bilingual.New(
		"set this machine's clock (NTP); APIv3 refuses what is signed more than five minutes off",
		"请校准本机时钟（NTP）；APIv3 拒绝时间偏差超过 5 分钟的请求",
	)
	switch off := ahead.Abs(); {
	case off > wrongSkew && p.settings.Has(order.V3):
		f.Level, f.Remedy = LevelFault, set
	case off > slightSkew:
		f.Level, f.Remedy = LevelWarning, set
	case off <= 2*time.Second+unsure:
		f.Found = bilingual.New("agrees with the gateway's", "与网关一致")
	}
	return f
}
