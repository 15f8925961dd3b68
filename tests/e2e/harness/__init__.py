# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests stand on: a real control plane, kubectl, gateways and the operator."""
