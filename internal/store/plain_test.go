package store_test

import (
	"testing"

	"cloudpay/internal/store"
)

func TestPlainHost(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"mysql://u:p@db.internal:3306/shop":                        "db.internal",
		"mariadb://u:p@10.0.0.7/shop?tls=false":                    "10.0.0.7",
		"mysql://u:p@10.0.0.7/shop?tls=preferred&max_conns=3":      "10.0.0.7",
		"mysql://u:p@10.0.0.7/shop?tls=true":                       "",
		"mysql://u:p@10.0.0.7/shop?tls=skip-verify":                "",
		"mysql://u:p@127.0.0.1/shop":                               "",
		"mysql://u:p@127.8.8.8:3306/shop":                          "",
		"mysql://u:p@[::1]:3306/shop":                              "",
		"mysql://u:p@[::ffff:127.0.0.1]:3306/shop":                 "",
		"mysql://u:p@[fd00::7]:3306/shop":                          "fd00::7",
		"mysql://u:p@LOCALHOST/shop":                               "",
		"mysql://u:p@localhost.example/shop":                       "localhost.example",
		"postgres://u:p@db.internal/shop":                          "",
		"postgres://u:p@db.internal/shop?sslmode=require":          "",
		"postgres://u:p@db.internal/shop?sslmode=verify-full":      "",
		"postgres://u:p@db.internal/shop?sslmode=disable":          "db.internal",
		"postgres://u:p@db.internal/shop?sslmode=prefer":           "db.internal",
		"postgresql://u:p@10.0.0.7/shop?sslmode=allow&max_conns=2": "10.0.0.7",
		"postgres://u:p@localhost:5433/shop?sslmode=disable":       "",
		"postgres://u:p@[::1]:5433/shop?sslmode=disable":           "",
		"postgres://u:p@localhost,db2/shop?sslmode=disable":        "db2",
		"postgres://u:p@x/shop?sslmode=disable&hostaddr=127.0.0.1": "",
		"sqlite:/var/lib/cloudpay/store.db":                        "",
		"mysql://u:p%zz@10.0.0.7/shop":                             "",
		"redis://10.0.0.7/1":                                       "",
	} {
		if got := store.PlainHost(address); got != want {
			t.Errorf("%s: got %q, want %q", address, got, want)
		}
	}
}
