// Package node_test runs the tests of the npm package in this folder.
package node_test

import (
	"testing"

	"cloudpay/internal/nodetest"
)

// TestPackage runs the package's tests on the Node.js that is installed.
func TestPackage(t *testing.T) {
	t.Parallel()
	nodetest.Run(t, 30, []string{"test/dropin.test.js"}, []string{"index.js"})
}
