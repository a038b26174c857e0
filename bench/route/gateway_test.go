//go:build unix

package route_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

// gatewayVariable makes this binary the gateway, and callerVariable a process that makes its first
// call.
const (
	gatewayVariable = "ROUTE_GATEWAY"
	callerVariable  = "ROUTE_CALLER"
)

// TestMain is one of three programs.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv(gatewayVariable) != "":
		serveGateway()
	case os.Getenv(callerVariable) != "":
		firstCall()
	default:
		os.Exit(m.Run())
	}
}

// gateway is how the other process is reached, by the version of TLS, and as whom.
type gateway struct {
	Near, Far   map[uint16]string // addresses without and with the wire's delay
	Root        []byte            // PEM
	MchID       string
	AppID       string
	V2Key       string
	SerialNo    string
	PrivateKey  []byte // PEM
	PublicKeyID string
	PublicKey   []byte // PEM
}

const (
	outTradeNo = "A1"
	host       = "api.mch.weixin.qq.com" // the name in the certificate
	// roundTrip is that of the wire.
	roundTrip = 30 * time.Millisecond
)

// startGateway starts the other process, until the test ends.
func startGateway(b testing.TB) gateway {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), gatewayVariable+"=1")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe() // its end is the other's
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = stdin.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		b.Fatal(err)
	}
	var g gateway
	if err := json.Unmarshal(line, &g); err != nil {
		b.Fatal(err)
	}
	return g
}

// serveGateway serves until standard input ends.
func serveGateway() {
	server, err := paygate.NewMerchant("1900000001", "wx0123456789abcdef")
	must(err)
	gate, err := paygate.New(paygate.Options{Merchants: []*paygate.Merchant{server}})
	must(err)
	must(gate.AddOrder(paygate.Order{OutTradeNo: outTradeNo, Total: 100}))
	public, err := gate.PublicKeyPEM()
	must(err)
	root, chain := certificates()
	g := gateway{
		Near: map[uint16]string{}, Far: map[uint16]string{}, Root: root,
		MchID: server.MchID, AppID: server.AppID, V2Key: server.V2Key, SerialNo: server.SerialNo,
		PrivateKey:  server.PrivateKeyPEM(),
		PublicKeyID: gate.PublicKeyID(), PublicKey: public,
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		near := listen()
		config := &tls.Config{Certificates: []tls.Certificate{chain}, MinVersion: version, MaxVersion: version}
		go func() { _ = http.Serve(tls.NewListener(near, config), gate) }()
		far := listen()
		go serveWire(far, near.Addr().String())
		g.Near[version], g.Far[version] = near.Addr().String(), far.Addr().String()
	}
	must(json.NewEncoder(os.Stdout).Encode(g))
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func listen() net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	return l
}

// certificates are a chain as WeChat Pay's is: a host's and an authority's below a root, all RSA.
func certificates() (root []byte, chain tls.Certificate) {
	rootKey, rootCert := issue("root", nil, nil)
	middleKey, middleCert := issue("middle", rootKey, rootCert)
	leafKey, leafCert := issue(host, middleKey, middleCert)
	root = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rootCert.Raw})
	return root, tls.Certificate{Certificate: [][]byte{leafCert.Raw, middleCert.Raw}, PrivateKey: leafKey}
}

func issue(name string, parentKey *rsa.PrivateKey, parent *x509.Certificate) (*rsa.PrivateKey, *x509.Certificate) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: name != host, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if name == host {
		template.DNSNames, template.KeyUsage = []string{host}, x509.KeyUsageDigitalSignature
	}
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	must(err)
	cert, err := x509.ParseCertificate(der)
	must(err)
	return key, cert
}

// serveWire passes connections on, half a round trip late each way. The kernel's own handshake
// takes no time on loopback, so that a round trip is added for it before the first bytes.
func serveWire(l net.Listener, to string) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			far, err := new(net.Dialer).DialContext(context.Background(), "tcp", to)
			if err != nil {
				_ = conn.Close()
				return
			}
			go pass(far, conn, roundTrip)
			pass(conn, far, 0)
		}()
	}
}

type segment struct {
	bytes []byte
	at    time.Time
}

func pass(to, from net.Conn, first time.Duration) {
	begin := time.Now().Add(first)
	segments := make(chan segment, 1024)
	go func() {
		defer close(segments)
		for {
			buffer := make([]byte, 16<<10)
			n, err := from.Read(buffer)
			if n > 0 {
				at := time.Now()
				if at.Before(begin) {
					at = begin
				}
				segments <- segment{buffer[:n], at.Add(roundTrip / 2)}
			}
			if err != nil {
				return
			}
		}
	}()
	for s := range segments {
		time.Sleep(time.Until(s.at))
		if _, err := to.Write(s.bytes); err != nil {
			break
		}
	}
	_ = to.Close()
	for range segments {
	}
}
