# The gateway as a job of the cluster that it stands in front of.
#
#   nomad var put nomad/jobs/nomad-gateway token=SECRET-ID-OF-THE-GATEWAYS-OWN-TOKEN
#   nomad job run -var image=registry.example/nomad-gateway:0.1.0 deploy/nomad-gateway.nomad.hcl
#
# The token needs node:read, and read-job in "*" to find allocations for callers; nothing more.

variable "image" {
  type        = string
  description = "The image that deploy/Containerfile makes"
}

variable "port" {
  type        = number
  default     = 8646
  description = "Where callers reach it; 4646 is taken by the agent of the node"
}

job "nomad-gateway" {
  type = "service"

  # It must not be pushed aside by what it is needed to look at.
  priority = 80

  group "gateway" {
    # Two, on two nodes, so that one can be drained.
    count = 2

    constraint {
      operator = "distinct_hosts"
      value    = "true"
    }

    update {
      # One at a time, and only when its health has been good for a while.
      max_parallel     = 1
      min_healthy_time = "15s"
      healthy_deadline = "2m"
      auto_revert      = true
    }

    network {
      mode = "host"
      port "http" {
        static = var.port
      }
    }

    service {
      name     = "nomad-gateway"
      port     = "http"
      provider = "nomad"
      check {
        # Open to everybody. New connections are refused while it drains; shutdown_delay takes it out first.
        type     = "http"
        path     = "/v1/gateway/health"
        interval = "5s"
        timeout  = "2s"
      }
    }

    # Callers are sent elsewhere before the gateway hears of its end.
    shutdown_delay = "5s"

    task "gateway" {
      driver = "docker"

      config {
        image        = var.image
        network_mode = "host"
        args         = ["serve", "--listen", "0.0.0.0:${NOMAD_PORT_http}"]
        ulimit {
          nofile = "40000:40000"
        }
      }

      # SIGTERM drains; longer than the gateway's own deadline. Nomad's clients allow 30 s unless max_kill_timeout says more.
      kill_signal  = "SIGTERM"
      kill_timeout = "30s"

      template {
        # The agent of the node it runs on is the first to be asked; the others are found.
        data        = <<-EOT
          NOMAD_ADDR=http://{{ env "attr.unique.network.ip-address" }}:4646
          NOMAD_TOKEN={{ with nomadVar "nomad/jobs/nomad-gateway" }}{{ .token }}{{ end }}
        EOT
        destination = "${NOMAD_SECRETS_DIR}/gateway.env"
        env         = true
        # A changed token is read by a new process, after the old one has drained.
        change_mode = "restart"
      }

      resources {
        cpu    = 500
        memory = 256
        # Ten thousand idle streams fit into this.
        memory_max = 1024
      }
    }
  }
}
