"""The emulator's server. It forgets route tables when it deletes a stack, and then refuses to delete their network."""

import sys

from moto.ec2.models import ec2_backends
from moto.ec2.models.route_tables import RouteTable


def delete_route_table(_, name, __, account, region):
    ec2_backends[account][region].delete_route_table(name)


RouteTable.delete_from_cloudformation_json = classmethod(delete_route_table)

if __name__ == "__main__":
    from moto.server import main

    main(sys.argv[1:])
